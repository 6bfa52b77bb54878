"""Short ways to make readers of a newsletter, begin a sending, and say what became of everybody."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from standfirst.members.models import Consent, Member
from standfirst.newsletters.actions.sending import Written, begin
from standfirst.newsletters.models import (
    TALLIES,
    Batch,
    Delivery,
    DeliveryState,
    Sending,
    SendingKind,
)
from standfirst.newsletters.slots import WORDS
from tests.making import make_member

SLOTS = " ".join(WORDS.values())
LETTERS: Mapping[str, Written] = {
    variant: Written(
        f"The Daily Review for {variant}s",
        f"<html><body><p>{SLOTS}</p></body></html>",
        f"For {variant}s. {SLOTS}",
    )
    for variant in ("subscriber", "member")
}


def reader(email: str = "", *, given: bool = True, **fields: Any) -> Member:
    """A member who said yes (or no) to The Daily Review."""
    member = make_member(email.lower(), **fields)
    Consent.objects.create(member=member, letter="daily", given=given)
    return member


def readers(count: int) -> list[str]:
    """Many at once; their addresses."""
    Member.objects.bulk_create(
        Member(email=f"r{n}@example.org", name=f"Reader {n}", password="!") for n in range(count)
    )
    found = list(Member.objects.filter(password="!").values_list("pk", "email"))
    Consent.objects.bulk_create(
        Consent(member_id=pk, letter="daily", given=True) for pk, _ in found
    )
    return [email for _, email in found]


def begin_daily(key: str = "edition:1", **more: Any) -> Sending:
    """A sending of The Daily Review to all who said yes."""
    letters = more.pop("letters", LETTERS)
    return begin(
        SendingKind.EDITION,
        key,
        letters,
        consent="daily",
        sender="The Daily Review <daily@example.org>",
        now=timezone.now(),
        **more,
    )


def rows_of(sending: Sending) -> dict[str, tuple[str, DeliveryState]]:
    """Variant and state of everybody on the list, by address."""
    ids = Delivery.ids_of(sending.pk, 1, 0xFFFFFFFF)
    rows = Delivery.objects.filter(pk__range=ids)
    return {
        address: (variant, DeliveryState(state))
        for address, variant, state in rows.values_list("address", "variant", "state")
    }


def states_of(sending: Sending) -> dict[str, DeliveryState]:
    return {address: state for address, (_, state) in rows_of(sending).items()}


def assert_exact(sending: Sending, got: Mapping[str, int], *, doubt: int | None = None) -> None:
    """Everybody on the list got exactly one letter, or is named with the reason; nobody else got
    any; the sum is the whole list. `got`: letters by recipient, counted where they arrived."""
    sending.refresh_from_db()
    states = states_of(sending)
    assert len(states) == sending.total
    assert not set(got) - set(states), "somebody got a letter who is not on the list"
    twice = {address: n for address, n in got.items() if n > 1}
    assert not twice, f"{len(twice)} got it more than once"
    arrived = {DeliveryState.ACCEPTED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED}
    for address, state in states.items():
        count = got.get(address, 0)
        if state in arrived:
            assert count == 1, f"{address} is {state.label} and got none"
        elif state is not DeliveryState.UNCERTAIN:
            assert count == 0, f"{address} is {state.label} and got {count}"
    named = Counter(states.values())
    silent = Delivery.objects.filter(state__in=[DeliveryState.REFUSED, DeliveryState.UNCERTAIN])
    assert not silent.filter(why="").exists(), "a reason is missing"
    assert_counted(sending, named)
    if doubt is not None:
        assert named[DeliveryState.UNCERTAIN] <= doubt, named


def assert_counted(sending: Sending, named: Mapping[DeliveryState, int]) -> None:
    """The batches' figures are those of the rows, and their ranges are the whole list."""
    sums = Batch.objects.filter(sending=sending).aggregate(
        **{f"sum_{name}": Sum(name) for name in TALLIES.values()}
    )
    counted = {state: sums[f"sum_{name}"] or 0 for state, name in TALLIES.items()}
    assert counted == {state: named.get(state, 0) for state in DeliveryState}
    ranges = Batch.objects.filter(sending=sending).order_by("first").values_list("first", "last")
    numbers = [n for first, last in ranges for n in range(first, last + 1)]
    assert numbers == list(range(1, sending.total + 1))


def left_over(sending: Sending, *states: DeliveryState) -> Collection[str]:
    """The addresses in any of these states."""
    return {address for address, state in states_of(sending).items() if state in states}
