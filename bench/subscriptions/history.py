"""A generated history of fictitious subscriptions, for pictures and measurements: many months of
joining, trying, paying, failing, leaving, with their entries and bills. The same seed makes the
same history. Nobody in it exists; every address ends in `.example`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

SEED = 4
PRICES = [
    ("EUR", "month", 900),
    ("EUR", "year", 9000),
    ("USD", "month", 1000),
    ("JPY", "month", 1500),
]
REASONS = [
    "",
    "",
    "",
    "too dear",
    "no time to read",
    "only needed it for a while",
    "went elsewhere",
]
GRACE = timedelta(days=5)
_AT_ONCE = 20_000


def fill(many: int, *, now: datetime, days: int = 730, renewals: float = 1.0) -> int:
    """Write a history of so many subscriptions (and as many members), and how many entries it has.

    The ledger's rows are written at once, past the actions, but by their rules of what stands in
    one. `renewals` stretches how often there is an entry.
    """
    from standfirst.members.models import Member
    from standfirst.subscriptions.models import Bill, Entry, Subscription

    random = Random(SEED)
    began = now - timedelta(days=days)
    members = [
        Member(
            email=f"subscriber{n}@sample.example", joined_at=began + timedelta(minutes=n % 900_000)
        )
        for n in range(many)
    ]
    for one in members:
        one.set_unusable_password()
    Member.objects.bulk_create(members, batch_size=2_000)
    entries: list[Any] = []
    bills: list[Any] = []
    subscriptions: list[Any] = []
    written = 0
    for n, member in enumerate(members):
        # More join later than at the beginning.
        start = began + timedelta(
            days=(days - 1) * (n / many) ** 0.8, minutes=random.randrange(900)
        )
        told = list(_life(random, start, now, renewals))
        last = told[-1][1]
        subscriptions.append(
            Subscription(
                member=member,
                provider="complimentary" if told[0][1]["change"] == "given" else "stripe",
                provider_id=f"sub_sample{n}",
                state=last["state"],
                begun_at=start,
                starts_at=last["starts_at"],
                ends_at=last["ends_at"],
                paid_through=last["paid_through"],
                cancel_at=last["cancel_at"],
                amount=last["monthly"],
                currency=last["currency"],
                interval="month" if last["currency"] else "",
            )
        )
        for _, values, bill in told:
            entries.append((n, values))
            if bill:
                bills.append((n, values["at"], bill))
    Subscription.objects.bulk_create(subscriptions, batch_size=2_000)
    entries.sort(key=lambda pair: pair[1]["at"])
    for first in range(0, len(entries), _AT_ONCE):
        rows = [
            Entry(subscription=subscriptions[n], member=members[n].pk, by="the sample", **values)
            for n, values in entries[first : first + _AT_ONCE]
        ]
        Entry.objects.bulk_create(rows, batch_size=2_000)
        written += len(rows)
    for first in range(0, len(bills), _AT_ONCE):
        Bill.objects.bulk_create(
            [
                Bill(
                    subscription=subscriptions[n],
                    provider="stripe",
                    provider_id=f"in_sample{number}",
                    number=f"SAMPLE-{number}",
                    status="paid",
                    currency=currency,
                    total=amount,
                    paid=amount,
                    refunded=refunded,
                    issued_at=at,
                    paid_at=at,
                    period_from=at,
                    period_until=at + timedelta(days=30),
                )
                for number, (n, at, (currency, amount, refunded)) in enumerate(
                    bills[first : first + _AT_ONCE], start=first
                )
            ],
            batch_size=2_000,
        )
    return written


_Told = tuple[datetime, dict[str, Any], tuple[str, int, int] | None]


def _life(random: Random, start: datetime, now: datetime, renewals: float) -> Iterator[_Told]:
    """One subscription from its beginning to `now` or its end."""
    if random.random() < 0.04:
        end = start + timedelta(days=random.randrange(30, 400))
        yield _entry(start, "given", "cancelled", start, end, ("", "", 0), cancel_at=end)
        return
    price = random.choices(PRICES, weights=[60, 18, 16, 6])[0]
    currency, interval, amount = price
    paid = start
    length = timedelta(days=(365 if interval == "year" else 30) / renewals)
    if random.random() < 0.35:
        paid = start + timedelta(days=14)
        yield _entry(start, "trial began", "trialing", start, paid + GRACE, price, paid)
        if paid > now:
            return
        if random.random() < 0.38:
            at = start + timedelta(days=random.randrange(1, 14))
            why = random.choice(REASONS)
            yield _entry(at, "cancelled", "cancelled", start, paid, price, paid, paid, why)
            yield _entry(paid, "ended", "ended", start, paid, price, paid, paid)
            return
        change = "trial turned into a subscription"
    else:
        change = "began"
    at = paid
    while at <= now:
        paid = at + length
        refunded = amount if random.random() < 0.004 else 0
        bill = (currency, amount, refunded)
        yield _entry(at, change, "active", start, paid + GRACE, price, paid, bill=bill)
        chance = random.random()
        if refunded:
            soon = at + timedelta(days=3)
            if soon <= now:
                yield _entry(soon, "refunded", "refunded", start, soon, price, paid)
                return
        if chance < 0.035 / renewals:
            off, why = at + length * random.random(), random.choice(REASONS)
            if off <= now:
                yield _entry(off, "cancelled", "cancelled", start, paid, price, paid, paid, why)
                if paid <= now:
                    yield _entry(paid, "ended", "ended", start, paid, price, paid, paid)
                return
        change, at = "renewed", paid
        if chance > 0.97 and paid <= now:
            yield _entry(paid, "payment failed", "past_due", start, paid + GRACE, price, paid)
            at, change = paid + timedelta(days=3), "payment recovered"
            if random.random() < 0.45:
                end = paid + GRACE
                if end <= now:
                    yield _entry(end, "ended", "ended", start, end, price, paid)
                return


def _entry(
    at: datetime,
    change: str,
    state: str,
    starts_at: datetime,
    ends_at: datetime,
    price: tuple[str, str, int],
    paid_through: datetime | None = None,
    cancel_at: datetime | None = None,
    why: str = "",
    bill: tuple[str, int, int] | None = None,
) -> _Told:
    currency, interval, amount = price
    monthly = (amount if interval == "month" else (amount + 6) // 12) if amount else 0
    values = {
        "at": at,
        "change": change,
        "state": state,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "paid_through": paid_through,
        "cancel_at": cancel_at,
        "monthly": monthly if state in ("active", "past_due") else 0,
        "currency": currency,
        "why": why,
    }
    return at, values, bill
