"""What a member may switch on and off: the same switches for the account and for mails' links."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone

from standfirst.members.consent import ALERTS, CHOICES, By, give, take_back, wanted_by
from standfirst.members.models import Consent, Member
from standfirst.members.queries import is_verified
from standfirst.newsletters.actions.following import unfollow
from standfirst.newsletters.models import (
    Audience,
    Delivery,
    Follow,
    MailSettings,
    Newsletter,
    Sending,
    Suppression,
)
from standfirst.subscriptions.queries import subscribed_until

KEPT, NONE, REMOVED = "kept", "none", "removed"
_TOLD = {
    CHOICES: ("New choices", "A mail when a month begins and there are new articles to choose."),
    ALERTS: ("Alerts", "A mail for each new article on what you follow."),
}


@dataclass(frozen=True, slots=True)
class Switch:
    """A kind of letter (`letter` is its name in Consent), in words, and whether it is wanted."""

    letter: str
    name: str
    told: str
    on: bool


@dataclass(frozen=True, slots=True)
class Preferences:
    """All that the page shows of a member. `unconfirmed`: no newsletter goes out before the address
    is confirmed; `suppressed`: none goes to it, for this reason."""

    switches: Sequence[Switch]
    follows: Sequence[Follow]
    unconfirmed: bool
    suppressed: str

    @property
    def any(self) -> bool:
        return any(switch.on for switch in self.switches)


def preferences_of(member: Member) -> Preferences:
    """What a member wants now."""
    wanted = wanted_by(member)
    subscribed = subscribed_until(member, timezone.now()) is not None
    letters = Newsletter.objects.filter(offered=True)
    # What is not offered any more can still be switched off by those who have it.
    letters |= Newsletter.objects.filter(slug__in=wanted)
    switches = [
        Switch(one.slug, one.name, _told_of(one, subscribed), one.slug in wanted)
        for one in letters.distinct()
    ]
    switches += [
        Switch(letter, name, told, letter in wanted) for letter, (name, told) in _TOLD.items()
    ]
    suppressed = Suppression.objects.filter(address__iexact=member.email).first()
    return Preferences(
        switches=switches,
        follows=list(follows_of(member)),
        unconfirmed=only_confirmed() and not is_verified(member),
        suppressed=suppressed.reason if suppressed else "",
    )


def follows_of(member: Member) -> QuerySet[Follow]:
    """What a member follows, by name."""
    mine = Follow.objects.filter(member=member).select_related("topic", "author")
    return mine.order_by("topic__name", "author__name")


def only_confirmed() -> bool:
    """Do newsletters go to confirmed addresses only (double opt-in)?"""
    return MailSettings.load().double_opt_in


def _told_of(newsletter: Newsletter, subscribed: bool) -> str:
    sentences = [newsletter.description.strip()]
    if newsletter.audience == Audience.SUBSCRIBERS:
        begins = "" if subscribed else "; it begins once you are one"
        sentences.append(f"To subscribers of All-Access{begins}.")
    if newsletter.audience == Audience.TOPIC and newsletter.topic:
        sentences.append(f"To those who follow {newsletter.topic.name}.")
    return " ".join(filter(None, sentences))


def change(member: Member, form: QueryDict, by: By, *, delivery: int | None, now: datetime) -> str:
    """Do what a form of the page asks for. Gives the word for what was done.

    Only letters that the form showed (`shown`) are changed: a page that was opened a year ago knows
    nothing of those that have come since.
    """
    if "none" in form:
        take_back(member, wanted_by(member), by, delivery=delivery, now=now)
        return NONE
    if number := _number(form.get("unfollow", "")):
        unfollow(member, number)
        return REMOVED
    known = {switch.letter for switch in preferences_of(member).switches}
    shown = known.intersection(form.getlist("shown"))
    wanted = shown.intersection(form.getlist("letter"))
    give(member, sorted(wanted), by, delivery=delivery, now=now)
    take_back(member, shown - wanted, by, delivery=delivery, now=now)
    return KEPT


# -- one letter ---------------------------------------------------------------------------------


def letter_of(delivery: int) -> str:
    """The consent under which a letter went out; "" where that is not known any more."""
    number = delivery >> Delivery.NUMBERS
    found = Sending.objects.filter(pk=number).values_list("consent", flat=True).first()
    return found or ""


def name_of(letter: str) -> str:
    """What readers call a kind of letter."""
    if letter in _TOLD:
        return _TOLD[letter][0]
    found = Newsletter.objects.filter(slug=letter).values_list("name", flat=True).first()
    return found or letter.replace("-", " ").capitalize()


def stop(member: Member, letter: str, by: By, *, delivery: int | None, now: datetime) -> list[str]:
    """Take back the consent to one kind of letter, or to all where `letter` is "". Gives those
    that were wanted until now."""
    return take_back(
        member, [letter] if letter else wanted_by(member), by, delivery=delivery, now=now
    )


def undo(member: Member, letters: Sequence[str], *, delivery: int | None, now: datetime) -> None:
    """Give back what `stop` took. Nothing that the member never said yes to can come by it."""
    theirs = Consent.objects.filter(member=member, letter__in=letters)
    known = list(theirs.values_list("letter", flat=True))
    give(member, known, By.PREFERENCES, delivery=delivery, now=now)


def masked(address: str) -> str:
    """An address as it may be shown to whoever holds a forwarded letter: a…@example.org."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1] if len(local) > 1 else ''}…@{domain}"


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
