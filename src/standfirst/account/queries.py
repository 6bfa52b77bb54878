"""What a member's own pages show, and everything that is held about a member."""

from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from user_agents import parse

from standfirst.access.models import Unlock
from standfirst.access.queries import shelf_of
from standfirst.access.rules import UnlockKind
from standfirst.articles.queries import published
from standfirst.library.models import Saved
from standfirst.members.consent import said_by, wanted_by
from standfirst.members.models import Member
from standfirst.members.queries import accounts_within, notes_about, numbers_of
from standfirst.newsletters.delivery.finding import letters_to
from standfirst.newsletters.models import Suppression
from standfirst.newsletters.preferences import follows_of
from standfirst.publication.models import Publication
from standfirst.publication.rules import next_month, start_of
from standfirst.subscriptions.actions.leaving import THE_READER
from standfirst.subscriptions.models import Subscription

REASONS = {
    UnlockKind.CREDIT: "chosen by you",
    UnlockKind.WELCOME: "the article you joined at",
    UnlockKind.GIFT: "a gift from the magazine",
    UnlockKind.STAFF: "opened for you by the magazine",
}


@dataclass(frozen=True, slots=True)
class OnShelf:
    """One article on a member's shelf. `url` is empty for one that is not published any more."""

    headline: str
    url: str
    reason: str
    unlocked_at: datetime
    until: datetime | None

    def is_open(self, now: datetime) -> bool:
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Browser:
    """One browser that is signed in."""

    name: str
    network: str
    since: datetime
    is_this: bool


def shelf(member: Member, publication: Publication) -> list[OnShelf]:
    """Everything the member ever unlocked, the newest first, with the reason in words."""
    rows = shelf_of(member)
    urls = _addresses_of(rows)
    return [
        OnShelf(
            headline=row.headline,
            url=urls.get(row.article_id or 0, ""),
            reason=REASONS[UnlockKind(row.kind)],
            unlocked_at=row.unlocked_at,
            until=start_of(next_month(row.valid_month), publication.zone)
            if row.valid_month
            else None,
        )
        for row in rows
    ]


def _addresses_of(rows: list[Unlock]) -> dict[int, str]:
    ids = [row.article_id for row in rows if row.article_id]
    articles = published().filter(pk__in=ids).defer("body")
    return {article.pk: article.get_absolute_url() for article in articles}


def passkeys_of(member: Member) -> list[Authenticator]:
    """The member's passkeys."""
    return list(
        Authenticator.objects.filter(user=member, type=Authenticator.Type.WEBAUTHN).order_by("pk")
    )


def browsers_of(member: Member, this: str | None) -> list[Browser]:
    """Where the member is signed in, the newest first; `this` is the asking browser's session."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    return [
        Browser(
            name=_browser_in_words(session.user_agent),
            network=session.ip,
            since=session.created_at,
            is_this=session.session_key == this,
        )
        for session in UserSession.objects.filter(user=member).order_by("-created_at")
        if store.exists(session.session_key)
    ]


def everything_about(member: Member) -> dict[str, Any]:
    """All that is held about a member, for them to take away; secrets are named, not shown."""
    return {
        "member": {
            "address": member.email,
            "name": member.name,
            "joined_at": member.joined_at,
            "last_signed_in_at": member.last_login,
            "has_password": member.has_usable_password(),
            "is_staff": member.is_staff,
        },
        "addresses": list(
            EmailAddress.objects.filter(user=member).values("email", "verified", "primary")
        ),
        "letters": letters_about(member),
        "unlocks": list(
            Unlock.objects.filter(member=member)
            .order_by("unlocked_at")
            .values("headline", "kind", "unlocked_at", "month", "slot", "valid_month")
        ),
        # What was withdrawn is not named: nobody may read of it any more.
        "reading_list": [
            {
                "headline": row.article.title if row.article.live else None,
                "saved_at": row.saved_at,
            }
            for row in Saved.objects.filter(member=member)
            .select_related("article")
            .defer("article__body")
            .order_by("saved_at")
        ],
        "subscriptions": [_all_about(one) for one in member.subscriptions.order_by("starts_at")],
        "notes_about_you": notes_about(member),
        "accounts_that_became_part_of_yours": accounts_within(member),
        "passkeys": [
            {
                "name": passkey.wrap().name,
                "added_at": passkey.created_at,
                "last_used_at": passkey.last_used_at,
            }
            for passkey in passkeys_of(member)
        ],
        "sessions": list(
            UserSession.objects.filter(user=member)
            .order_by("created_at")
            .values("created_at", "last_seen_at", "ip", "user_agent")
        ),
    }


def letters_about(member: Member) -> dict[str, Any]:
    """Which letters a member wants, what they ever said of them, which were sent to them in the
    last half year and what became of each, what they follow, and why none goes to their address, if
    so."""
    return {
        "wanted": sorted(wanted_by(member)),
        "said": [
            {
                "letter": entry.letter,
                "said": "yes" if entry.given else "no",
                "by": entry.get_by_display(),
                "proof": entry.proof,
                "at": entry.at,
            }
            for entry in said_by(member)
        ],
        "sent_to_you": [
            {
                "subject": letter.subject,
                "as": letter.kind,
                "because_you_wanted": letter.consent,
                "to": letter.address,
                "listed_at": letter.listed_at,
                "settled_at": letter.settled_at,
                "became": letter.fate,
                "in_words": letter.words,
            }
            for account in numbers_of(member)
            for letter in letters_to(account)
        ],
        "followed": [
            {"name": str(row.topic or row.author), "since": row.since} for row in follows_of(member)
        ],
        "no_mail_to_your_address": [
            {"why": row.get_reason_display(), "in_words": row.detail, "since": row.at}
            for row in Suppression.objects.filter(address__iexact=member.email)
        ],
    }


def _all_about(subscription: Subscription) -> dict[str, Any]:
    """A subscription with its bills and the ledger's entries; money in minor units. Notes of
    colleagues and their addresses are theirs."""
    one = subscription
    return {
        "plan": one.plan.name if one.plan else None,
        "state": one.state,
        **{
            name: getattr(one, name)
            for name in (
                *("starts_at", "ends_at", "paid_through", "trial_ends_at", "cancel_at"),
                *("ended_at", "amount", "currency", "interval", "next_amount", "next_at", "card"),
                *("provider", "provider_id", "created_at"),
            )
        },
        "bills": list(
            one.bills.order_by("issued_at").values(
                *("number", "status", "currency", "total", "paid", "refunded", "issued_at"),
                *("paid_at", "period_from", "period_until"),
            )
        ),
        "ledger": [
            {
                "at": entry.at,
                "change": entry.change,
                "state": entry.state,
                "open_until": entry.ends_at,
                "why": entry.why if entry.by == THE_READER else "",
            }
            for entry in one.entries.order_by("pk")
        ],
        "ended_at_once": list(one.endings.values("kind", "declared_at", "done_at")),
    }


def _browser_in_words(user_agent: str) -> str:
    agent = parse(user_agent)
    browser, system = agent.browser.family, agent.os.family
    known = [name for name in (browser, system) if name != "Other"]
    return " on ".join(known) or "A browser that does not say its name"
