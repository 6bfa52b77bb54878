"""What proves that a mailbox is yours: codes to type and links to follow.

Nothing is stored. A code is derived from the member, the address and the half hour, so that the
worker that mails it late and the page that checks it agree; attempts are counted where it is typed
(`confirm_code` in ACCOUNT_RATE_LIMITS). A link is signed, names the address it stands for, and is
used up by what it does: a confirmed address cannot be confirmed again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac
from sesame.utils import get_token, get_user

from standfirst.members.models import Member
from standfirst.members.rules import as_typed_code, code_from

WINDOW = timedelta(minutes=30)
LINK_LASTS = timedelta(days=3)
_CONFIRM = "standfirst.members.confirm"
_SIGN_IN = "sign-in"


@dataclass(frozen=True, slots=True)
class ConfirmLink:
    """What a confirmation link stands for: `address` is to be the member's, which was `present`.

    A change of address carries a `seal`, which a new password breaks, see `holds`.
    """

    member: int
    address: str
    present: str
    seal: str = ""

    def holds(self, member: Member) -> bool:
        """Does the link still count? A change that was asked for before the password changed does
        not: whoever took the account back would lose it again to a link mailed to a stranger."""
        changes = self.address != self.present
        return not changes or constant_time_compare(self.seal, _seal(member))


def code_of(member: Member, now: datetime) -> str:
    """The code that confirms the member's present address: good for 30 to 60 minutes."""
    return _code(member, int(now.timestamp() // WINDOW.total_seconds()))


def is_code_of(member: Member, typed: str, now: datetime) -> bool:
    """Is this the code of this half hour or of the one before?"""
    window, given = int(now.timestamp() // WINDOW.total_seconds()), as_typed_code(typed)
    newest = constant_time_compare(given, _code(member, window))
    return constant_time_compare(given, _code(member, window - 1)) or newest


def _code(member: Member, window: int) -> str:
    value = f"{member.pk}:{member.email}:{window}"
    return code_from(salted_hmac("standfirst.members.code", value, algorithm="sha256").digest())


def confirm_token(member: Member, address: str | None = None) -> str:
    """For a link that confirms the member's address, or changes it to `address`."""
    told = [member.pk, address or member.email, member.email]
    if address and address != member.email:
        told.append(_seal(member))
    return signing.dumps(told, salt=_CONFIRM)


def _seal(member: Member) -> str:
    return salted_hmac(_CONFIRM, member.password, algorithm="sha256").hexdigest()[:20]


def read_confirm_token(token: str) -> ConfirmLink | None:
    """What the token stands for; None if it is not ours, or older than three days."""
    try:
        return ConfirmLink(*signing.loads(token, salt=_CONFIRM, max_age=LINK_LASTS))
    except (signing.BadSignature, TypeError, ValueError):
        return None


def sign_in_token(member: Member) -> str:
    """For a link that signs in once, within the hour (SESAME_MAX_AGE)."""
    return str(get_token(member, scope=_SIGN_IN))


def read_sign_in_token(token: str) -> Member | None:
    """Whom the token signs in; None if it is foreign, too old, or used. Reading uses nothing up."""
    if "\0" in token:
        return None
    found = get_user(token, scope=_SIGN_IN, update_last_login=False)
    return found if isinstance(found, Member) else None
