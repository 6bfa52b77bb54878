"""What the worker does for newsletters: drafting and sending what is due, mail to colleagues."""

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.core.cache import cache
from django.core.mail import EmailMultiAlternatives
from django.db import InterfaceError, OperationalError
from django.urls import reverse
from django.utils import timezone, translation
from django_tasks import TaskContext, task

from standfirst.members.mail import HEADERS, REMEMBERED, one_line, send_letter
from standfirst.members.models import Member
from standfirst.newsletters.actions import drafting, editions, forgetting, sending
from standfirst.newsletters.actions.forgetting import forget_member
from standfirst.newsletters.actions.hearing import hear_mail
from standfirst.newsletters.bounces.mailbox import Unreadable, read_mailbox
from standfirst.newsletters.desk import editors, told_of
from standfirst.newsletters.letters import compose, filled, test_values
from standfirst.newsletters.models import Audience, Edition, Turn
from standfirst.newsletters.queries import as_written
from standfirst.newsletters.senders import from_header
from standfirst.publication.queries import the_publication

log = logging.getLogger("standfirst.newsletters")

FOLDER = "newsletters/mail"


def draft_due() -> int:
    """Draft the editions whose time has come; the worker's tick calls it."""
    return drafting.draft_due(timezone.now())


def send_due() -> editions.Done:
    """Send or hold the editions whose hour has come; the worker's tick calls it."""
    return editions.send_due(timezone.now())


def make_lists() -> int:
    """Go on with long lists that are not whole yet; the worker's tick calls it."""
    return sending.make_lists()


@task(takes_context=True)
def tell_editors(context: TaskContext, turn: int) -> None:
    """Tell every editor why a turn has no edition, or why its edition is held, unless somebody
    has seen to it meanwhile."""
    found = Turn.objects.select_related("newsletter", "edition").filter(pk=turn).first()
    if found is None or found.begun_at or not (found.held_at or found.outcome):
        return
    publication = the_publication()
    with timezone.override(publication.zone), translation.override(publication.language):
        sentence = told_of(found)
    failed: Exception | None = None
    for editor in editors():
        # One job, many letters: a letter is marked by itself, so that none goes twice.
        mark = f"letter:{context.task_result.id}:{editor.pk}"
        if not cache.add(mark, "waits", REMEMBERED):
            continue
        try:
            send_letter(
                "waits",
                editor.email,
                folder=FOLDER,
                turn=found,
                sentence=sentence,
                link=f"{settings.WAGTAILADMIN_BASE_URL}{reverse('newsletters_desk:index')}",
            )
        except BaseException as error:
            cache.delete(mark)
            if not isinstance(error, Exception):
                raise
            failed = error  # one mailbox that refuses mail keeps no other editor from hearing of it
    if failed:
        raise failed


@task(takes_context=True)
def send_test(context: TaskContext, edition: int, member: int) -> None:
    """Mail an edition as it is now to a colleague: one letter for each kind of reader."""
    found = Edition.objects.filter(pk=edition).first()
    to = Member.objects.filter(pk=member, is_active=True).first()
    if found is None or to is None:
        return
    for variant, source in compose(as_written(found)).items():
        if variant != "subscriber" and found.newsletter.audience == Audience.SUBSCRIBERS:
            continue  # nobody gets it
        mark = f"letter:{context.task_result.id}:{variant}"
        if not cache.add(mark, "test", REMEMBERED):
            continue
        letter = filled(source, test_values(to))
        mail = EmailMultiAlternatives(
            subject=one_line(f"[Test, as a {variant}] {letter.subject}"),
            body=letter.text,
            from_email=from_header(found.newsletter),
            to=[to.email],
            headers=dict(HEADERS),
        )
        mail.attach_alternative(letter.html, "text/html")
        try:
            mail.send()
        except BaseException:
            cache.delete(mark)
            raise


def read_bounces() -> None:
    """Read the mailbox that bounces arrive in, if there is one."""
    if not settings.BOUNCE_MAILBOX:
        return
    try:
        read, heard = read_mailbox(settings.BOUNCE_MAILBOX, _heard)
    except Unreadable as error:
        log.error("%s It is tried again in a minute.", error)
        return
    if read:
        log.info("%d mails were in the mailbox for bounces, %d of them about ours.", read, heard)


def _heard(raw: bytes) -> bool:
    """`hear_mail`; a mail that it stumbles over holds up no other, but a database that is away
    does."""
    try:
        return hear_mail(raw, timezone.now())
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("A mail in the mailbox for bounces could not be understood.")
        return False


def forget_letters_to(people: Iterable[tuple[int, str]]) -> None:
    """Accounts (number and address) were deleted: let the worker forget whose their letters were.

    Each is looked for at once, and again an hour later: a list that was being frozen at this
    moment, and a server's words on a letter that was under way, are written after the first look.
    """
    later = timezone.now() + timedelta(hours=1)
    for member, email in people:
        forget_who_left.enqueue(member, email=email)
        if forget_who_left.get_backend().supports_defer:  # one that does jobs at once knows none
            forget_who_left.using(run_after=later).enqueue(member, email=email)


@task()
def forget_who_left(member: int, email: str) -> None:
    """An account was deleted: letters that it got no longer say whose it was."""
    forget_member(member, email)


def forget_old_letters() -> None:
    """Forget to whom letters went half a year ago; the worker's tick calls it."""
    forgetting.forget_old_letters(timezone.now())
