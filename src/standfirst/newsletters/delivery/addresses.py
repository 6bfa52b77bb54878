"""Addresses as they stand in an envelope and in a header. It imports no framework."""

import re
from functools import lru_cache

import idna

# Quoted parts may hold blanks and brackets; nothing may hold what ends a line or a path.
_PLAIN = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_LOCAL = re.compile(r'[^\x00-\x20\x7f-\x9f<>"@,;:\\()\[\]]+|"[^\x00-\x1f\x7f-\x9f"\\]*"')
MOST = 254  # octets of an address (RFC 5321 §4.5.3.1.3, without brackets)


class BadAddress(ValueError):  # noqa: N818
    """What should have been an address cannot stand in an envelope."""


def on_the_wire(address: str) -> str:
    """The address with its domain in ASCII (IDNA 2008, UTS 46). The part before the @ stays as it
    is: where it is not ASCII the server must offer SMTPUTF8 (RFC 6531).

    Raises BadAddress."""
    if len(address) <= MOST and _PLAIN.fullmatch(address):
        return address
    local, at, domain = address.rpartition("@")
    if not at or not _LOCAL.fullmatch(local):
        raise BadAddress(f"{address[:80]!r} is no address that mail can be sent to.")
    try:
        found = f"{local}@{_domain(domain)}"
        long = len(found.encode()) > MOST
    except (idna.IDNAError, UnicodeError) as error:
        raise BadAddress(f"{address[:80]!r} has a domain that cannot exist.") from error
    if long:
        raise BadAddress(f"{address[:80]!r} is longer than an address can be.")
    return found


def named(name: str, address: str) -> str:
    """A name (in one line) with its address, as one text that `email.utils.parseaddr` and the
    libraries of mail take apart again. Nothing is encoded yet, which `formataddr` does too early:
    what it writes is taken for the name itself, and encoded once more."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>' if name else address


@lru_cache(maxsize=1024)
def _domain(domain: str) -> str:
    if re.fullmatch(r"\[[0-9A-Fa-f:.IPv]+\]", domain):
        return domain
    return idna.encode(domain, uts46=True).decode()
