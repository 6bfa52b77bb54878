"""Bank transfer, spoken to as any other provider.

Its books are our own tables (`subscriptions.models.billing`). It reads and writes these alone; ours
(Subscription, Bill, the ledger) follow what it tells, as they follow Stripe. See decision 0024.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import NoReturn

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from standfirst.publication.queries import the_publication
from standfirst.subscriptions.models import INVOICE
from standfirst.subscriptions.models.billing import BilledTo, IssuedBill
from standfirst.subscriptions.providers.base import (
    BillStatus,
    BillTold,
    Catalogue,
    CheckoutTold,
    Difference,
    Forged,
    Heard,
    Order,
    Refused,
    Told,
    When,
)
from standfirst.subscriptions.providers.invoice.issuing import credit, give_back, is_over
from standfirst.subscriptions.providers.invoice.rules import Agreed, Asked, each, standing

_SALT = "standfirst.subscriptions.bill"
_BY_HAND = "This subscription is paid by bank transfer, which the newsroom sees to. Write to us."


class Invoice:
    """Subscriptions that are billed by the newsroom and paid by bank transfer."""

    name = INVOICE
    realm = "ours"

    # -- reading --------------------------------------------------------------------------

    def read_subscription(self, id: str) -> Told | None:
        """What the agreement and its bills come to now."""
        found = self._agreements().filter(subscription__provider_id=id).first()
        return _told(found) if found else None

    def subscriptions(self, customer: str = "") -> Iterator[Told]:
        """All of them, or those billed to an address."""
        found = self._agreements().order_by("pk")
        if customer:
            found = found.filter(email=customer)
        return (_told(one) for one in found.iterator(chunk_size=200))

    def read_bill(self, id: str) -> BillTold | None:
        """A bill by its number; None for one that was never given, and for a credit note, which
        is told with the bill that it cancels."""
        found = self._bills().filter(number=id).first()
        return _bill_told(found) if found else None

    def bills(self, subscription: str = "") -> Iterator[BillTold]:
        """All of them, or a subscription's, newest first."""
        found = self._bills()
        if subscription:
            found = found.filter(subscription__provider_id=subscription)
        return (_bill_told(one) for one in found.iterator(chunk_size=200))

    def _agreements(self):  # type: ignore[no-untyped-def]
        return (
            BilledTo.objects.filter(subscription__provider=INVOICE)
            .select_related("subscription")
            .prefetch_related("subscription__issued__credit_note")
        )

    def _bills(self):  # type: ignore[no-untyped-def]
        return IssuedBill.objects.filter(cancels=None).select_related(
            "subscription__billed_to", "credit_note"
        )

    # -- changing -------------------------------------------------------------------------

    def cancel(self, id: str, when: When, key: str) -> None:
        """Let it end. Bills that nobody paid are cancelled: all of them where it ends now, those
        for a period that has not begun where it ends later."""
        with transaction.atomic():
            found = self._locked(id)
            now = timezone.now()
            if is_over(found, now):
                return
            found.goes_on = False
            if when is When.NOW:
                found.stopped_at = now
            found.save(update_fields=["goes_on", "stopped_at"])
            today = timezone.localdate(now, the_publication().zone)
            for bill in self._bills().filter(subscription=found.subscription_id):
                if bill.is_waiting and (when is When.NOW or bill.period_from > today):
                    credit(bill, by="the end of the subscription", why="It was cancelled.", now=now)

    def resume(self, id: str, key: str) -> None:
        """Let it go on after all, unless it has ended."""
        with transaction.atomic():
            found = self._locked(id)
            if is_over(found, timezone.now()):
                raise Refused("It has ended. Make a new subscription.", "ended")
            found.goes_on = True
            found.save(update_fields=["goes_on"])

    def refund(self, bill: str, amount: int | None, key: str) -> None:
        """Note that what was paid, or `amount` of it, was sent back; sending it is the bank's
        business. Where nothing of it is left, the bill is cancelled by a credit note."""
        give_back(bill, amount, by="the magazine", why="", key=key, now=timezone.now())

    def _locked(self, id: str) -> BilledTo:
        found = (
            BilledTo.objects.select_for_update(of=("self",))
            .filter(subscription__provider=INVOICE, subscription__provider_id=id)
            .first()
        )
        if found is None:
            raise Refused(f"No subscription by bank transfer has the id {id}.", "unknown")
        return found

    # -- what bank transfer does not know -------------------------------------------------

    def put_customer(self, member: int, email: str, name: str, key: str) -> str:
        _refuse()

    def start_checkout(self, order: Order, key: str) -> CheckoutTold:
        _refuse()

    def read_checkout(self, id: str) -> CheckoutTold | None:
        return None

    def expire_checkout(self, id: str) -> CheckoutTold:
        _refuse()

    def portal(self, customer: str, return_url: str) -> str:
        _refuse()

    def pause(self, id: str, until: datetime | None, key: str) -> None:
        raise Refused("What is paid by bank transfer can't be paused. Cancel it instead.", "pause")

    def change_price(self, id: str, price: str, key: str) -> None:
        raise Refused("Cancel this subscription and bill a new one at the other price.", "price")

    def hear(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Heard:
        raise Forged("Bank transfer sends no messages.")

    def bill_of(self, payment: str) -> str:
        return ""

    def differences(self, catalogue: Catalogue) -> list[Difference]:
        return []

    def bring_in_line(self, catalogue: Catalogue) -> Iterator[tuple[str, int, str]]:
        return iter(())


def _refuse() -> NoReturn:
    raise Refused(_BY_HAND, "by_hand")


# -- telling ----------------------------------------------------------------------------------


def begin_of(day: date) -> datetime:
    """The first moment of a day where the magazine is."""
    return datetime.combine(day, time(), the_publication().zone)


def _told(found: BilledTo) -> Told:
    now = timezone.now()
    subscription = found.subscription
    bills = [bill for bill in subscription.issued.all() if not bill.is_credit_note]
    counting = [bill for bill in bills if not bill.is_cancelled]
    agreed = Agreed(
        begins_at=begin_of(found.begins_on),
        at_once=found.at_once,
        goes_on=found.goes_on,
        stopped_at=found.stopped_at,
        given_back=not counting and any(bill.refunded for bill in bills),
    )
    asked = [
        Asked(
            due_at=begin_of(bill.due_on + timedelta(days=1)),
            until=begin_of(bill.period_until),
            noted_at=bill.paid_noted_at,
        )
        for bill in counting
    ]
    grace = timedelta(days=the_publication().grace_days)
    state, dates = standing(agreed, asked, grace, now)
    last = max(counting, key=lambda bill: bill.period_until, default=None)
    gross = last.gross if last else 0
    amount, interval = each(gross, found.months)
    goes_on = found.goes_on and found.stopped_at is None and last is not None
    return Told(
        id=subscription.provider_id,
        customer=found.email,
        member=subscription.member_id,
        email=found.email,
        state=state,
        dates=dates,
        price="",
        amount=amount,
        currency=found.currency,
        interval=interval,
        next_amount=gross if goes_on else None,
        next_at=begin_of(last.period_until) if last and goes_on else None,
        card="bank transfer",
    )


def _bill_told(bill: IssuedBill) -> BillTold:
    if bill.paid_on:
        status = BillStatus.PAID
    else:
        status = BillStatus.VOID if bill.is_cancelled else BillStatus.OPEN
    return BillTold(
        id=bill.number,
        subscription=bill.subscription.provider_id,
        customer=bill.subscription.billed_to.email,
        number=bill.number,
        status=status,
        currency=bill.currency,
        total=bill.gross,
        paid=bill.paid,
        refunded=bill.refunded,
        disputed=False,
        issued_at=bill.issued_at,
        due_at=begin_of(bill.due_on + timedelta(days=1)),
        paid_at=begin_of(bill.paid_on) if bill.paid_on else None,
        period=(begin_of(bill.period_from), begin_of(bill.period_until)),
        page=page_of(bill),
        pdf="",
    )


def page_of(bill: IssuedBill) -> str:
    """The address of the bill's page, which whoever holds it may open."""
    token = signing.Signer(salt=_SALT).sign_object(bill.pk)
    return f"{settings.WAGTAILADMIN_BASE_URL}{reverse('bill', args=[token])}"


def bill_of(token: str) -> IssuedBill | None:
    """The bill that an address was made for."""
    try:
        id = signing.Signer(salt=_SALT).unsign_object(token)
    except signing.BadSignature:
        return None
    return IssuedBill.objects.select_related("cancels", "credit_note").filter(pk=id).first()
