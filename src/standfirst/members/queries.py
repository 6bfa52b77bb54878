"""What others may ask about members."""

from functools import cache
from pathlib import Path

from allauth.account.models import EmailAddress
from django.conf import settings

from standfirst.members.models import Member


def is_verified(member: Member) -> bool:
    """Has the member proved that their present address is theirs?"""
    mine = EmailAddress.objects.filter(user=member, email__iexact=member.email)
    return bool(mine.filter(verified=True).exists())


def refused_domains() -> frozenset[str]:
    """Domains of throw-away mailboxes: the setting REFUSED_MAIL_DOMAINS, or else our own list."""
    chosen = getattr(settings, "REFUSED_MAIL_DOMAINS", None)
    return _built_in_list() if chosen is None else frozenset(d.lower() for d in chosen)


@cache
def _built_in_list() -> frozenset[str]:
    text = (Path(__file__).parent / "content/disposable_domains.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
