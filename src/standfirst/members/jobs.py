"""Mail to members, sent by the worker.

A job takes ids, looks at the database when it runs, and does nothing where the member is gone. It
notes that it ran before it sends, so that a job run twice mails once.
"""

from allauth.account.models import EmailAddress
from django.utils import timezone
from django_tasks import TaskContext, task
from wagtail.models import Page

from standfirst.members.codes import code_of, confirm_token, sign_in_token
from standfirst.members.mail import link_to, send_once
from standfirst.members.models import Member
from standfirst.members.queries import is_verified


@task(takes_context=True)
def send_confirmation(
    context: TaskContext, member: int, article: int | None = None, next: str = ""
) -> None:
    """Ask a member to confirm their address; a welcome, where they have just joined."""
    found = _active(member)
    if found is None or is_verified(found):
        return
    joined_at = Page.objects.live().filter(pk=article).first() if article else None
    if joined_at:
        next = joined_at.specific.get_absolute_url()
    _send_once(
        context,
        "confirm",
        found.email,
        code=code_of(found, timezone.now()),
        link=link_to("confirm_link", confirm_token(found), next),
        headline=joined_at.title if joined_at else "",
        joined_at=found.joined_at,
    )


@task(takes_context=True)
def send_sign_in_link(context: TaskContext, member: int, next: str = "/") -> None:
    """Someone 'joined' with a member's address: mail a sign-in link."""
    found = _active(member)
    if found:
        link = link_to("sign_in_link", sign_in_token(found), next)
        _send_once(context, "sign_in", found.email, link=link, code="", joined_again=True)


@task(takes_context=True)
def send_code(context: TaskContext, email: str, code: str, next: str = "") -> None:
    """Mail a code for the browser that asked, and a link for any; or say that nobody is known."""
    found = Member.objects.filter(email__iexact=email).first()
    if found and found.is_active and code:
        link = link_to("sign_in_link", sign_in_token(found), next)
        _send_once(context, "sign_in", found.email, link=link, code=code)
    elif found is None:
        _send_once(context, "unknown", email)


@task(takes_context=True)
def send_address_change(context: TaskContext, member: int, email: str) -> None:
    """Ask a new address to confirm itself. Where it has an account of its own: no mail."""
    found = _active(member)
    taken = (
        Member.objects.filter(email__iexact=email).exists()
        or EmailAddress.objects.filter(email__iexact=email, verified=True).exists()
    )
    if found and not taken:
        link = link_to("confirm_link", confirm_token(found, email))
        _send_once(context, "new_address", email, link=link, present=found.email)


@task(takes_context=True)
def send_address_changed(context: TaskContext, member: int, old: str) -> None:
    """Tell the old address that it is not the account's any more."""
    found = _active(member)
    if found:
        _send_once(context, "address_changed", old)


@task(takes_context=True)
def send_farewell(context: TaskContext, email: str) -> None:
    """Confirm that an account was deleted."""
    _send_once(context, "farewell", email)


def _active(member: int) -> Member | None:
    return Member.objects.filter(pk=member, is_active=True).first()


def _send_once(context: TaskContext, kind: str, to: str, **told: object) -> None:
    send_once(str(context.task_result.id), kind, to, **told)
