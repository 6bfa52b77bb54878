"""Making what newsletters need in a magazine. May be repeated at any time."""

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from wagtail.models import GroupPagePermission

from standfirst.articles.actions import EDITORS, PUBLISHERS, WRITERS
from standfirst.articles.models import FrontPage
from standfirst.newsletters.models import EditionIndex, MailSettings

_EDITORS = ["view_newsletter", "add_newsletter", "change_newsletter"]
_EDITORS += ["view_sending", "change_sending"]
_PUBLISHERS = [
    *(*_EDITORS, "delete_newsletter", "change_mailsettings"),
    *("view_addressimport", "add_addressimport"),
    *("view_suppression", "add_suppression", "delete_suppression"),
]


def set_up_newsletters() -> EditionIndex:
    """Make the page that editions lie under, where it is missing, and then permit the groups: who
    writes articles drafts editions, editors also approve and send (they may publish below the front
    page), and publishers see figures and settings. What a publisher changed since stays."""
    with transaction.atomic():
        if not MailSettings.objects.exists():
            MailSettings.objects.get_or_create(pk=MailSettings.ONLY)  # no page makes it
        index = EditionIndex.objects.order_by("pk").first()
        if index is None:
            front = FrontPage.objects.select_for_update().get()
            index = front.add_child(instance=EditionIndex(title="Editions", slug="editions"))
            _permit(index)
    return index


def _permit(index: EditionIndex) -> None:
    ours = Permission.objects.filter(content_type__app_label="newsletters")
    for name, codenames in {EDITORS: _EDITORS, PUBLISHERS: _PUBLISHERS}.items():
        group = Group.objects.filter(name=name).first()
        if group:
            group.permissions.add(*ours.filter(codename__in=codenames))
    writers = Group.objects.filter(name=WRITERS).first()
    if writers:
        on_page = Permission.objects.filter(
            content_type__app_label="wagtailcore", codename__in=["add_page", "change_page"]
        )
        for permission in on_page:
            GroupPagePermission.objects.get_or_create(
                group=writers, page=index, permission=permission
            )
