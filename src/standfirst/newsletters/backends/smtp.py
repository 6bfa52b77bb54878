"""Single mails by SMTP, signed as newsletters are where DKIM_KEY is set (RFC 6376).

Who keeps mailboxes judges a domain by all its mail, and RFC 8058 (4) wants the unsubscribe link of
the welcome signed as well.
"""

import logging
import smtplib
from email.parser import BytesHeaderParser
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail.backends import smtp

from standfirst.newsletters.delivery.addresses import on_the_wire
from standfirst.newsletters.delivery.dkim import Signer
from standfirst.newsletters.senders import domain_of

log = logging.getLogger("standfirst.mail")


def signed(message: bytes) -> bytes:
    """A finished message (with CRLF), signed for the domain that it is from. A key that cannot be
    used keeps no sign-in code from its reader: then the message as it is, and a line in the log."""
    if not settings.DKIM_KEY:
        return message
    try:
        sender = parseaddr(str(BytesHeaderParser().parsebytes(message)["From"]))[1]
        domain = domain_of(on_the_wire(sender))
        signer = Signer(domain, settings.DKIM_SELECTOR, Path(settings.DKIM_KEY).read_bytes())
        return signer.sign(message)
    except (OSError, ValueError) as error:
        log.error("A mail leaves without a signature, since DKIM_KEY cannot be used: %s", error)
        return message


class _Signing(smtplib.SMTP):
    def sendmail(self, from_addr: Any, to_addrs: Any, msg: Any, *more: Any, **named: Any) -> Any:
        return super().sendmail(from_addr, to_addrs, signed(msg), *more, **named)


class _SigningOverTLS(_Signing, smtplib.SMTP_SSL):
    pass


class EmailBackend(smtp.EmailBackend):
    """Django's own, over a connection that signs."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _SigningOverTLS if self.use_ssl else _Signing
