"""What the worker does for subscriptions.

A job that raises Unreachable is tried again (see `project.worker.TRY_AGAIN`).
"""

from django.core.cache import cache
from django.utils import timezone
from django_tasks import TaskContext, task

from standfirst.members.mail import send_letter
from standfirst.subscriptions.actions.doubles import close_left, end_doubles
from standfirst.subscriptions.models import Entry
from standfirst.subscriptions.providers import by_name

REMEMBERED = 7 * 24 * 60 * 60


@task()
def look_for_doubles(member: int) -> None:
    """End what a member has twice."""
    end_doubles(member, by_name, now=timezone.now())


@task()
def close_checkout(provider: str, checkout: str) -> None:
    """Let nobody pay at the page (the provider's id) of somebody who left."""
    close_left(by_name(provider), checkout)


@task(takes_context=True)
def send_bought_twice(context: TaskContext, entry: int) -> None:
    """Tell a reader that the second of two subscriptions is ended and paid back."""
    found = Entry.objects.select_related("subscription__member").get(pk=entry)
    member = found.subscription.member
    mark = f"letter:{context.task_result.id}"
    if member is None or not member.is_active or not cache.add(mark, "bought_twice", REMEMBERED):
        return
    try:
        send_letter("bought_twice", member.email, begun_at=found.subscription.begun_at)
    except BaseException:
        cache.delete(mark)  # it was not sent, and may be tried again
        raise
