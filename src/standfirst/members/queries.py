"""What others may ask about members."""

from functools import cache
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings

from standfirst.members.models import Member, MemberNote, Merger


def is_verified(member: Member) -> bool:
    """Has the member proved that their present address is theirs?"""
    mine = EmailAddress.objects.filter(user=member, email__iexact=member.email)
    return bool(mine.filter(verified=True).exists())


def whoever_is(number: int) -> Member | None:
    """The member with a number, or the one whom an account with it became part of."""
    for _ in range(100):  # one may have followed another
        found = Member.objects.filter(pk=number).first()
        merger = None if found else Merger.objects.filter(left=number).first()
        if merger is None:
            return found
        number = merger.kept_id
    return None


def notes_about(member: Member) -> list[dict[str, Any]]:
    """What colleagues wrote about a member, for the member's own data; not who wrote it."""
    rows = MemberNote.objects.filter(member=member).order_by("at")
    return [{"text": row.text, "at": row.at} for row in rows]


def accounts_within(member: Member) -> list[dict[str, Any]]:
    """The accounts that became part of the member's, for the member's own data."""
    rows = Merger.objects.filter(kept=member).order_by("at")
    return [
        {"address": row.address, "joined_at": row.joined_at, "at": row.at, "why": row.why}
        for row in rows
    ]


def numbers_of(member: Member) -> list[int]:
    """The member's number, and those of the accounts that became part of theirs."""
    return [member.pk, *Merger.objects.filter(kept=member).values_list("left", flat=True)]


def refused_domains() -> frozenset[str]:
    """Domains of throw-away mailboxes: the setting REFUSED_MAIL_DOMAINS, or else our own list."""
    chosen = getattr(settings, "REFUSED_MAIL_DOMAINS", None)
    return _built_in_list() if chosen is None else frozenset(d.lower() for d in chosen)


@cache
def _built_in_list() -> frozenset[str]:
    text = (Path(__file__).parent / "content/disposable_domains.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
