"""What the worker does for newsletters."""

import logging

from django.conf import settings
from django.utils import timezone

from standfirst.newsletters.actions.hearing import hear_mail
from standfirst.newsletters.bounces.mailbox import Unreadable, read_mailbox

log = logging.getLogger("standfirst.newsletters")


def read_bounces() -> None:
    """Read the mailbox that bounces arrive in, if there is one."""
    if not settings.BOUNCE_MAILBOX:
        return
    try:
        read, heard = read_mailbox(
            settings.BOUNCE_MAILBOX, lambda raw: hear_mail(raw, timezone.now())
        )
    except Unreadable as error:
        log.error("%s It is tried again in five minutes.", error)
        return
    if read:
        log.info("%d mails were in the mailbox for bounces, %d of them about ours.", read, heard)
