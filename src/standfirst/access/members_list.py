"""The newsroom's list of members: who they are, what they have, and how the list stays quick.

A page of it reads fifty members, then what they have, in a few statements. The filters are written
so that the database begins with the few: with those past due, not with every member.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import django_filters
from allauth.account.models import EmailAddress
from django import forms
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.paginator import WagtailPaginator
from wagtail.admin.widgets import AdminDateInput

from standfirst.members.models import Consent, Member, MemberNote
from standfirst.publication.queries import the_publication
from standfirst.publication.rules import start_of
from standfirst.subscriptions.models import COMPLIMENTARY, Plan, Subscription
from standfirst.subscriptions.rules import State

STANDINGS = {
    "subscriber": "subscriber",
    "trialing": "trialing",
    "past_due": "past due",
    "cancelled": "cancelled, still reading",
    "complimentary": "complimentary",
    "free": "free",
    "unconfirmed": "not confirmed",
    "staff": "staff",
}
_OF_STATE = {
    State.TRIALING.value: "trialing",
    State.PAST_DUE.value: "past_due",
    State.CANCELLED.value: "cancelled",
}
_AT_ONCE = 1_000
FREE_NEWSLETTER = "newsletter"  # its consent


def standing_word(subscription: Subscription) -> str:
    """The key in STANDINGS of somebody with this subscription, while it is open."""
    if subscription.provider == COMPLIMENTARY:
        return "complimentary"
    return _OF_STATE.get(subscription.state, "subscriber")


def open_now(now: datetime) -> QuerySet[Subscription]:
    """Every subscription whose window is open."""
    return Subscription.objects.filter(starts_at__lte=now, ends_at__gt=now)


def _consents() -> QuerySet[Consent]:
    return Consent.objects.filter(letter=FREE_NEWSLETTER, given=True)


def _with(word: str, now: datetime) -> QuerySet[Subscription]:
    found = open_now(now)
    if word == "complimentary":
        return found.filter(provider=COMPLIMENTARY)
    found = found.exclude(provider=COMPLIMENTARY)
    for state, said in _OF_STATE.items():
        if said == word:
            return found.filter(state=state)
    return found.exclude(state__in=_OF_STATE)


def in_standing(members: QuerySet[Member], word: str, now: datetime) -> QuerySet[Member]:
    """The members of whom a word in STANDINGS holds; of one member several may."""
    match word:
        case "staff":
            return members.filter(is_staff=True)
        case "free":
            has = open_now(now).filter(member=OuterRef("pk"))
            return members.filter(~Exists(has), is_staff=False)
        case "unconfirmed":
            mine = EmailAddress.objects.filter(primary=True, verified=False)
            return members.filter(pk__in=mine.values("user"))
    if word == "subscriber":  # many: asked of each member, in the order of the list
        return members.filter(Exists(_with(word, now).filter(member=OuterRef("pk"))))
    theirs = _with(word, now).filter(member__isnull=False)
    return members.filter(pk__in=theirs.values("member"))


class Filters(WagtailFilterSet):  # type: ignore[misc]
    standing = django_filters.ChoiceFilter(
        label="Standing",
        choices=list(STANDINGS.items()),
        widget=forms.RadioSelect,
        empty_label="all",
        method="of_standing",
    )
    plan = django_filters.ModelChoiceFilter(
        label="Plan", queryset=Plan.objects.all(), empty_label="all", method="of_plan"
    )
    joined_from = django_filters.DateFilter(
        label="Joined from", widget=AdminDateInput, method="from_day"
    )
    joined_to = django_filters.DateFilter(
        label="Joined until", widget=AdminDateInput, method="to_day"
    )
    newsletter = django_filters.BooleanFilter(
        label="Wants the free newsletter", method="with_newsletter"
    )
    note = django_filters.BooleanFilter(label="Has a note", method="with_note")

    def of_standing(self, members: QuerySet[Member], name: str, value: str) -> QuerySet[Member]:
        return in_standing(members, value, timezone.now())

    def of_plan(self, members: QuerySet[Member], name: str, value: Plan) -> QuerySet[Member]:
        theirs = open_now(timezone.now()).filter(plan=value, member=OuterRef("pk"))
        return members.filter(Exists(theirs))

    def from_day(self, members: QuerySet[Member], name: str, value: Any) -> QuerySet[Member]:
        return members.filter(joined_at__gte=start_of(value, the_publication().zone))

    def to_day(self, members: QuerySet[Member], name: str, value: Any) -> QuerySet[Member]:
        end = start_of(value + timedelta(days=1), the_publication().zone)
        return members.filter(joined_at__lt=end)

    def with_newsletter(
        self, members: QuerySet[Member], name: str, value: bool
    ) -> QuerySet[Member]:
        theirs = Exists(_consents().filter(member=OuterRef("pk")))
        return members.filter(theirs if value else ~theirs)

    def with_note(self, members: QuerySet[Member], name: str, value: bool) -> QuerySet[Member]:
        noted = Q(pk__in=MemberNote.objects.values("member"))
        return members.filter(noted if value else ~noted)

    class Meta:
        model = Member
        fields: list[str] = []


def _eclipsed(now: datetime) -> list[int]:
    """The open subscriptions of members who have another that is open for longer; few do."""
    theirs = open_now(now).filter(member__isnull=False)
    several = theirs.order_by().values("member").annotate(many=Count("pk")).filter(many__gt=1)
    rows = theirs.filter(member__in=several.values("member"))
    seen: set[int | None] = set()
    found = []
    for member, pk in rows.order_by("-ends_at", "-pk").values_list("member", "pk"):
        if member in seen:
            found.append(pk)
        seen.add(member)
    return found


def who_have_it(members: QuerySet[Member], now: datetime) -> QuerySet[Member]:
    """Those with All-Access, each once: the members of a list by `until`."""
    theirs = open_now(now).filter(member__isnull=False)
    return members.filter(pk__in=theirs.values("member"))


def in_order(members: QuerySet[Member], ordering: str, now: datetime) -> QuerySet[Member]:
    """Sorted by `joined_at`, `email` or `until`, with “-” the other way round; nobody twice.

    By `until` the list is of those who have one.
    """
    back = "-" if ordering.startswith("-") else ""
    match ordering.removeprefix("-"):
        case "until":
            members = members.filter(
                subscriptions__starts_at__lte=now, subscriptions__ends_at__gt=now
            )
            # By an annotation, since to exclude by the relation would ask anew for each of them.
            members = members.annotate(by=F("subscriptions__pk")).exclude(by__in=_eclipsed(now))
            return members.order_by(f"{back}subscriptions__ends_at", f"{back}subscriptions__pk")
        case "email":
            return members.order_by(f"{back}email")
    return members.order_by(f"{back}joined_at", f"{back}pk")


class Pages(WagtailPaginator):  # type: ignore[misc]
    """Pages counted from whichever end is nearer, of keys alone; the rows come for one page.

    `counted` holds the same members, where they are counted more quickly in another way.
    """

    counted: QuerySet[Member] | None = None

    @cached_property
    def count(self) -> int:
        members = self.object_list if self.counted is None else self.counted
        return int(members.order_by().values("pk").count())

    def page(self, number: Any) -> Any:
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        end = min(first + self.per_page, self.count)
        keys = self.object_list.values_list("pk", flat=True)
        if first > self.count // 2:
            found = list(keys.reverse()[self.count - end : self.count - first])[::-1]
        else:
            found = list(keys[first:end])
        rows = self.object_list.model.objects.in_bulk(found)
        return self._get_page([rows[key] for key in found if key in rows], number, self)


@dataclass(frozen=True, slots=True)
class Had:
    """What the list says of one member."""

    standing: str
    plan: str
    since: datetime | None
    until: datetime | None
    noted: bool
    newsletter: bool


def what_they_have(members: Iterable[Member], now: datetime) -> dict[int, Had]:
    """For each of some members what they have now, in four statements for all of them."""
    rows = {one.pk: one for one in members}
    theirs: dict[int, list[Subscription]] = {}
    for one in open_now(now).filter(member__in=rows).select_related("plan").order_by("-ends_at"):
        theirs.setdefault(one.member_id or 0, []).append(one)
    noted = set(MemberNote.objects.filter(member__in=rows).values_list("member", flat=True))
    addresses = EmailAddress.objects.filter(user__in=rows, primary=True, verified=False)
    unconfirmed = set(addresses.values_list("user", flat=True))
    wanting = set(_consents().filter(member__in=rows).values_list("member", flat=True))
    found = {}
    for key, member in rows.items():
        mine = theirs.get(key, [])
        words = ["staff"] if member.is_staff else []
        words += dict.fromkeys(standing_word(one) for one in mine)
        words += [] if words else ["free"]
        words += ["unconfirmed"] if key in unconfirmed else []
        found[key] = Had(
            standing=", ".join(STANDINGS[word] for word in words),
            plan=", ".join(dict.fromkeys(str(one.plan or "All-Access") for one in mine)),
            since=min((one.starts_at for one in mine), default=None),
            until=mine[0].ends_at if mine else None,
            noted=key in noted,
            newsletter=key in wanting,
        )
    return found


HEADS = ("Address", "Name", "Joined", "Standing", "Plan", "Since", "Until", "Newsletter", "Note")


def as_rows(members: QuerySet[Member], now: datetime) -> Iterator[tuple[Any, ...]]:
    """The whole list for a spreadsheet, a thousand at a time; times where the magazine is."""
    zone = the_publication().zone

    def day(moment: datetime | None) -> str:
        return moment.astimezone(zone).isoformat(" ", "minutes")[:16] if moment else ""

    yield HEADS
    # The keys are settled at once, so that nobody is left out or told twice meanwhile.
    keys = list(members.values_list("pk", flat=True))
    for first in range(0, len(keys), _AT_ONCE):
        some = Member.objects.in_bulk(keys[first : first + _AT_ONCE])
        had = what_they_have(some.values(), now)
        for key in keys[first : first + _AT_ONCE]:
            if key in some:
                one, has = some[key], had[key]
                yield (
                    *(one.email, one.name, day(one.joined_at), has.standing, has.plan),
                    *(day(has.since), day(has.until)),
                    "yes" if has.newsletter else "no",
                    "yes" if has.noted else "",
                )
