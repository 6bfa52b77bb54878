"""What the worker does for readers by itself: the welcome, new choices, alerts."""

from email.utils import make_msgid

from django.conf import settings
from django.core.cache import cache
from django.core.mail import EmailMultiAlternatives
from django.urls import reverse
from django.utils import timezone, translation
from django_tasks import TaskContext, task

from standfirst.access.queries import credits_of
from standfirst.members.consent import AT_JOINING, wanted_by
from standfirst.members.mail import REMEMBERED, one_line
from standfirst.members.models import Member
from standfirst.newsletters.actions import importing, occasions
from standfirst.newsletters.delivery import rules
from standfirst.newsletters.letters import compose_welcome, filled
from standfirst.newsletters.links import token_for
from standfirst.newsletters.models import Newsletter, Suppression
from standfirst.newsletters.queries import editions_of
from standfirst.newsletters.senders import domain_of, from_header, reply_to_of, sender_of
from standfirst.publication.queries import the_publication

FREE = AT_JOINING[0]


def tell_of_choices() -> object:
    """Begin the letter of a month that has begun; the worker's tick calls it."""
    return occasions.choices_due(timezone.now())


def tell_followers() -> int:
    """Begin the alerts that are due; the worker's tick calls it."""
    return occasions.alerts_due(timezone.now())


def take_lists_in() -> int:
    """Go on with the lists of addresses that were put up; the worker's tick calls it."""
    return importing.go_on(timezone.now())


def forget_lists() -> int:
    """Drop the lists of addresses about which nobody decided."""
    return importing.forget_lists(timezone.now())


def welcome(member: int) -> None:
    """An address was confirmed: whoever has just joined gets the welcome, once."""
    if occasions.is_to_be_welcomed(member, timezone.now()):
        send_welcome.enqueue(member)


@task(takes_context=True)
def send_welcome(context: TaskContext, member: int) -> None:
    """Mail the welcome, with the free newsletter's latest edition for those who want it."""
    found = Member.objects.filter(pk=member, is_active=True).first()
    if found is None or Suppression.objects.filter(address__iexact=found.email).exists():
        return
    mark = f"letter:{context.task_result.id}"
    if not cache.add(mark, "welcome", REMEMBERED):
        return
    try:
        welcome_letter(found).send()
    except BaseException:
        cache.delete(mark)  # it was not sent, and may be tried again
        raise


def welcome_letter(member: Member) -> EmailMultiAlternatives:
    """The welcome as one member gets it."""
    publication = the_publication()
    free = Newsletter.objects.filter(slug=FREE).first()
    latest = editions_of(free).first() if free and FREE in wanted_by(member) else None
    now = timezone.now()
    credits = credits_of(member, now)
    token = token_for(member.pk)
    base = settings.WAGTAILADMIN_BASE_URL
    off = f"{base}{reverse('mail_unsubscribe', args=[token])}"
    with timezone.override(publication.zone), translation.override(publication.language):
        letter = filled(
            compose_welcome(member, latest),
            {
                "greeting": rules.greeting(member.name, now.astimezone(publication.zone).hour),
                "address": member.email,
                "choices": rules.choices(
                    credits.allowance - credits.left, credits.allowance, credits.renews_at.date()
                ),
                "preferences": f"{base}{reverse('mail_preferences', args=[token])}",
                "unsubscribe": off,
            },
        )
    reply_to = reply_to_of(free)
    mail = EmailMultiAlternatives(
        subject=one_line(letter.subject),
        body=letter.text,
        from_email=from_header(free),
        to=[member.email],
        reply_to=[reply_to] if reply_to else None,
        headers={
            "Auto-Submitted": "auto-generated",  # RFC 3834
            "Message-ID": make_msgid(domain=domain_of(sender_of(free)[1])),
            "List-Unsubscribe": f"<{off}>",  # RFC 2369, and RFC 8058 for one click
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    mail.attach_alternative(letter.html, "text/html")
    return mail
