"""Writing the ledger. Every action that changes a standing writes its entry in the same
transaction."""

from datetime import datetime

from standfirst.publication.events import SubscriptionChanged, happened
from standfirst.subscriptions.models import Entry, Subscription
from standfirst.subscriptions.rules import (
    PAYING,
    Change,
    Interval,
    Standing,
    State,
    Window,
    monthly,
)


def standing_of(subscription: Subscription) -> Standing:
    """What the ledger keeps of a subscription as its row says it."""
    return Standing(
        state=State(subscription.state),
        price=f"{subscription.price_id or ''} {subscription.amount} {subscription.currency}"
        f" {subscription.interval}",
        paid_through=subscription.paid_through,
        cancel_at=subscription.cancel_at,
        window=Window(subscription.starts_at, subscription.ends_at),
    )


def write(
    subscription: Subscription,
    changes: list[Change],
    *,
    at: datetime,
    by: str,
    why: str = "",
) -> None:
    """Write changes of a subscription (already saved) and say that they happened.

    `by` is a colleague's address, “the reader”, or a provider with its event; `why` a sentence.
    """
    earning = subscription.state in PAYING and subscription.interval
    entries = [
        Entry(
            subscription=subscription,
            member=subscription.member_id,
            at=at,
            change=change.value,
            by=by[:200],
            why=why[:400],
            state=subscription.state,
            paid_through=subscription.paid_through,
            cancel_at=subscription.cancel_at,
            starts_at=subscription.starts_at,
            ends_at=subscription.ends_at,
            plan=subscription.plan_id,
            price=subscription.price_id,
            monthly=monthly(subscription.amount, Interval(subscription.interval)) if earning else 0,
            currency=subscription.currency,
        )
        for change in changes
    ]
    for entry in entries:
        entry.save()
        happened(
            SubscriptionChanged(
                subscription=subscription.pk,
                member=subscription.member_id,
                change=entry.change,
                entry=entry.pk,
            )
        )
