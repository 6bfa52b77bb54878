"""What the worker does for subscriptions: letters, reminders, and what was declared and is not done
at the provider yet.

A job that raises Unreachable is tried again (see `project.worker.TRY_AGAIN`).
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django_tasks import TaskContext, task

from standfirst.members.mail import send_once
from standfirst.publication.money import written
from standfirst.publication.queries import the_publication
from standfirst.subscriptions.actions.doubles import close_left, end_doubles
from standfirst.subscriptions.actions.following import Unknown
from standfirst.subscriptions.actions.leaving import finish, may_withdraw
from standfirst.subscriptions.letters import letter_of
from standfirst.subscriptions.links import withdrawal_link
from standfirst.subscriptions.models import (
    COMPLIMENTARY,
    INVOICE,
    Ending,
    Entry,
    Reminder,
    Subscription,
)
from standfirst.subscriptions.providers import by_name
from standfirst.subscriptions.providers.base import ProviderError
from standfirst.subscriptions.rules import (
    GRACE_NOTICE,
    RENEWAL_NOTICE,
    TRIAL_NOTICE,
    Interval,
    Notice,
    State,
    notice_due,
)
from standfirst.subscriptions.words import told as told_of

log = logging.getLogger("standfirst.subscriptions")

FOLDER = "subscriptions/mail"
AT_ONCE = 500  # the others wait for the next look
PAUSES = (1, 5, 25, 120, 600)  # minutes until what failed is tried again, and so on for ever
CLAIMED = timedelta(minutes=5)


# -- letters ----------------------------------------------------------------------------------


@task(takes_context=True)
def send_news(context: TaskContext, entry: int) -> None:
    """Tell the reader of one change in the ledger, where there is a letter for it."""
    found = Entry.objects.select_related("subscription__member", "subscription__plan").get(pk=entry)
    kind = letter_of(found)
    if kind == "disputed":
        _tell_the_house(context, found)
    elif kind:
        _send(context, kind, found.subscription, at=found.at)


@task(takes_context=True)
def send_reminder(context: TaskContext, reminder: int) -> None:
    """Remind a reader, if what the reminder says is true still."""
    found = (
        Reminder.objects.select_related("subscription__member", "subscription__plan")
        .filter(pk=reminder)
        .first()
    )
    if found and _notice_of(found.subscription, timezone.now()) == found.notice:
        _send(context, found.notice.replace(" ", "_"), found.subscription)


@task(takes_context=True)
def send_withdrawn(context: TaskContext, ending: int, email: str) -> None:
    """The dated receipt of a withdrawal. It goes out whatever became of the account since."""
    found = Ending.objects.select_related("subscription__plan").get(pk=ending)
    if email:
        language = the_publication().language
        back = written(found.amount, found.currency, language) if found.amount else ""
        _write(context, "withdrawn", email, found.subscription, ending=found, back=back)


@task(takes_context=True)
def send_withdrawal_link(context: TaskContext, email: str, named: str) -> None:
    """Mail the link to withdraw by, if the address bought what was named: a bill's number, or the
    day of the purchase."""
    mine = Subscription.objects.exclude(provider_id="").filter(member__email__iexact=email)
    mine = mine.filter(member__is_active=True).select_related("member", "plan")
    named_so = Q(bills__number__iexact=named)
    try:
        day = parse_date(named)
    except ValueError:
        day = None
    if day:
        zone = the_publication().zone
        begins = datetime(day.year, day.month, day.day, tzinfo=zone)
        named_so |= Q(begun_at__gte=begins, begun_at__lt=begins + timedelta(days=1))
    found = mine.filter(named_so).order_by("-begun_at").first()
    if found:
        _send(context, "withdraw", found)


def _send(context: TaskContext, kind: str, subscription: Subscription, **told: Any) -> None:
    member = subscription.member
    if member and member.is_active:
        _write(context, kind, member.email, subscription, **told)


def _write(
    context: TaskContext, kind: str, to: str, subscription: Subscription, **told: Any
) -> None:
    language = the_publication().language
    links = {
        "account": f"{settings.WAGTAILADMIN_BASE_URL}{reverse('my_all_access')}",
        "plans": f"{settings.WAGTAILADMIN_BASE_URL}{reverse('all_access')}",
        "withdraw": withdrawal_link(subscription),
    }
    told = {
        "mine": told_of(subscription, language, timezone.now()),
        "number": subscription.pk,
        "links": links,
        "withdraw_until": may_withdraw(subscription, timezone.now()),
        **told,
    }
    send_once(str(context.task_result.id), kind, to, folder=FOLDER, **told)


def _tell_the_house(context: TaskContext, entry: Entry) -> None:
    contact, member = the_publication().contact, entry.subscription.member
    if contact:
        reader = member.email if member else "a deleted account"
        _write(context, "disputed", contact, entry.subscription, reader=reader)


# -- reminders --------------------------------------------------------------------------------


def remind(now: datetime | None = None) -> int:
    """Find who is to be reminded, and queue the letters: each once for a period, which the database
    holds. Says how many."""
    now = now or timezone.now()
    count = 0
    for key in list(_perhaps_due(now).values_list("pk", flat=True)):
        one = Subscription.objects.get(pk=key)
        notice = _notice_of(one, now)
        if notice is None:
            continue
        with transaction.atomic():
            reminder, made = Reminder.objects.get_or_create(
                subscription=one, notice=notice, period=_period_of(one, notice)
            )
            if made:
                send_reminder.enqueue(reminder.pk)
                count += 1
        if count >= AT_ONCE:
            break
    return count


def _perhaps_due(now: datetime) -> Any:
    """Those within reach of a reminder that they have not had for this period."""

    def had(notice: Notice, period: str) -> Exists:
        of_this = Reminder.objects.filter(
            subscription=OuterRef("pk"), notice=notice.value, period=OuterRef(period)
        )
        return Exists(of_this)

    trials = Q(state=State.TRIALING, trial_ends_at__lte=now + TRIAL_NOTICE, trial_ends_at__gt=now)
    renewals = Q(
        state=State.ACTIVE,
        interval=Interval.YEAR,
        next_at__lte=now + RENEWAL_NOTICE,
        next_at__gt=now,
    )
    grace = Q(state=State.PAST_DUE, ends_at__lte=now + GRACE_NOTICE, ends_at__gt=now)
    return (
        Subscription.objects.filter(member__is_active=True)
        .exclude(provider__in=[COMPLIMENTARY, INVOICE])
        .filter(
            trials & ~had(Notice.TRIAL_ENDS, "trial_ends_at")
            | renewals & ~had(Notice.RENEWS, "next_at")
            | grace & ~had(Notice.GRACE_ENDS, "paid_through")
        )
        .order_by("ends_at")
    )


def _notice_of(one: Subscription, now: datetime) -> Notice | None:
    if not one.interval:
        return None
    return notice_due(
        State(one.state),
        Interval(one.interval),
        begun_at=one.begun_at or one.starts_at,
        trial_ends_at=one.trial_ends_at,
        next_at=one.next_at,
        paid_through=one.paid_through,
        ends_at=one.ends_at,
        now=now,
    )


def _period_of(one: Subscription, notice: Notice) -> datetime:
    ends = {
        Notice.TRIAL_ENDS: one.trial_ends_at,
        Notice.RENEWS: one.next_at,
        Notice.GRACE_ENDS: one.paid_through,
    }[notice]
    return ends or one.ends_at


# -- what runs twice --------------------------------------------------------------------------


@task()
def look_for_doubles(member: int) -> None:
    """End what a member has twice."""
    end_doubles(member, by_name, now=timezone.now())


@task()
def close_checkout(provider: str, checkout: str) -> None:
    """Close the page to pay at of somebody who has left."""
    close_left(by_name(provider), checkout)


# -- what is to be ended ----------------------------------------------------------------------


def finish_endings(now: datetime | None = None) -> int:
    """Carry out at the provider what readers ended and what is not done yet. Says how many were
    finished; what fails is tried again with growing pauses, and never given up."""
    now = now or timezone.now()
    count = 0
    for ending in Ending.objects.filter(done_at=None, due_at__lte=now).order_by("due_at")[:AT_ONCE]:
        mine = Ending.objects.filter(pk=ending.pk, due_at=ending.due_at, done_at=None)
        if not mine.update(due_at=now + CLAIMED):
            continue  # another worker's
        try:
            finish(ending, by_name(ending.subscription.provider), now=now)
            count += 1
        except (ProviderError, LookupError, Unknown) as error:
            _put_off(ending, error, now)
    return count


def _put_off(ending: Ending, error: Exception, now: datetime) -> None:
    pause = PAUSES[min(ending.tries, len(PAUSES) - 1)]
    trouble = str(error) if not isinstance(error, Unknown) else f"{error} is not known there."
    Ending.objects.filter(pk=ending.pk).update(
        tries=min(ending.tries + 1, 30_000),
        due_at=now + timedelta(minutes=pause),
        trouble=trouble,
    )
    log.error(
        "Subscription no. %s is to be ended at %s (%s), and is not yet: %s Next try in %d min.",
        *(ending.subscription_id, ending.subscription.provider, ending.number, trouble, pause),
    )
