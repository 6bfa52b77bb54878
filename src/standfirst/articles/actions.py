"""Setting the magazine up, and publishing what is due. One verb, one transaction each."""

import logging
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from wagtail.coreutils import get_supported_content_language_variant
from wagtail.models import (
    Collection,
    GroupApprovalTask,
    GroupCollectionPermission,
    GroupPagePermission,
    Locale,
    Page,
    Revision,
    Site,
    Workflow,
    WorkflowPage,
    WorkflowTask,
)

from standfirst.articles.models import ArticleIndex, FrontPage
from standfirst.publication.models import Publication

log = logging.getLogger("standfirst.articles")

WRITERS, EDITORS, PUBLISHERS = "Writers", "Editors", "Publishers"
REVIEW = "Review by an editor"


# -- setting up -------------------------------------------------------------------------------


def set_up_magazine() -> ArticleIndex:
    """Make what every magazine needs, where it is missing: publication, site, front page, article
    index, groups with their permissions, and the review. May be repeated at any time; what a
    publisher changed since (a group's permissions, the review's steps) stays as it is."""
    with transaction.atomic():
        publication = Publication.objects.first() or Publication.objects.create()
        front = _front_page(publication.name)
        index = ArticleIndex.objects.first() or front.add_child(
            instance=ArticleIndex(title="Articles", slug="articles")
        )
        _site(front, publication.name)
        _groups(front, index)
        _review(index)
    return index


def _front_page(name: str) -> FrontPage:
    front = FrontPage.objects.first()
    if front is None:
        # Wagtail's migrations make these; a flushed database lacks them.
        language = get_supported_content_language_variant(settings.LANGUAGE_CODE)
        Locale.objects.get_or_create(language_code=language)
        Collection.get_first_root_node() or Collection.add_root(name="Root")
        root = Page.get_first_root_node() or Page.add_root(title="Root", slug="root")
        front = root.add_child(instance=FrontPage(title=name, slug="front-page"))
    return front


def _site(front: FrontPage, name: str) -> None:
    address = urlsplit(settings.BASE_URL)
    Site.objects.update_or_create(
        is_default_site=True,
        defaults={
            "hostname": address.hostname or "localhost",
            "port": address.port or (443 if address.scheme == "https" else 80),
            "root_page": front,
            "site_name": name,
        },
    )
    # Only now, since a site goes with its root page.
    for page in Page.objects.filter(depth=2, numchild=0).exclude(pk=front.pk):
        if page.specific_class is Page and page.title == "Welcome to your new Wagtail site!":
            page.delete()


_APPS = ["wagtailadmin", "wagtailcore", "wagtailimages"]
_APPS += ["articles", "members", "access", "subscriptions", "library"]
_WRITE = ["add_page", "change_page"]
_EDIT = ["add_page", "change_page", "publish_page", "lock_page", "unlock_page"]
_PICTURES = ["add_image", "choose_image", "change_image"]
_FILING = [f"{verb}_{kind}" for kind in ("topic", "region", "author") for verb in ("add", "change")]
_DESK = [
    *(f"delete_{kind}" for kind in ("topic", "region", "author")),
    *("add_section", "change_section", "delete_section"),
    *("view_member", "add_unlock", "view_membernote", "add_membernote"),
    *("view_subscription", "add_subscription", "change_subscription"),
    *(f"{verb}_{kind}" for kind in ("plan", "coupon") for verb in ("add", "change", "delete")),
    *(f"{verb}_{kind}" for kind in ("synonyms", "pinning") for verb in ("add", "change", "delete")),
    *("view_missed", "delete_missed"),
]
# Figures, bills, the ledger, and merging two accounts: the publisher's.
_BUSINESS = [
    *("view_member", "view_membernote", "add_membernote", "view_merger", "add_merger"),
    *("view_subscription", "add_subscription", "change_subscription", "view_bill", "view_entry"),
]


def _groups(front: FrontPage, index: ArticleIndex) -> None:
    if Group.objects.filter(name=WRITERS).exists():
        return
    # Wagtail calls them Editors (who write) and Moderators (who publish).
    writers, _ = Group.objects.update_or_create(name="Editors", defaults={"name": WRITERS})
    editors, _ = Group.objects.update_or_create(name="Moderators", defaults={"name": EDITORS})
    GroupPagePermission.objects.filter(group__in=[writers, editors]).delete()
    _permit(writers, ["access_admin", *_FILING], index, _WRITE, _PICTURES[:2])
    publishers, _ = Group.objects.get_or_create(name=PUBLISHERS)
    _permit(editors, ["access_admin", *_FILING, *_DESK], front, _EDIT, _PICTURES)
    _permit(publishers, ["access_admin", *_BUSINESS], front, [], [])


def _permit(
    group: Group, wide: list[str], page: Page, on_page: list[str], pictures: list[str]
) -> None:
    known = {
        permission.codename: permission
        for permission in Permission.objects.filter(content_type__app_label__in=_APPS)
    }
    group.permissions.add(*(known[name] for name in wide))
    for name in on_page:
        GroupPagePermission.objects.get_or_create(group=group, page=page, permission=known[name])
    root = Collection.get_first_root_node()
    for name in pictures:
        GroupCollectionPermission.objects.get_or_create(
            group=group, collection=root, permission=known[name]
        )


def _review(index: ArticleIndex) -> None:
    if WorkflowPage.objects.filter(page=index).exists():
        return
    # Wagtail's own, over the whole tree, gives way to one over the articles.
    Workflow.objects.filter(name="Moderators approval").update(active=False)
    WorkflowPage.objects.filter(workflow__name="Moderators approval").delete()
    workflow, made = Workflow.objects.get_or_create(name=REVIEW)
    if made:
        task = GroupApprovalTask.objects.create(name=REVIEW)
        task.groups.add(Group.objects.get_or_create(name=EDITORS)[0])
        WorkflowTask.objects.create(workflow=workflow, task=task, sort_order=0)
    WorkflowPage.objects.create(workflow=workflow, page=index)


# -- what is due ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """How many pages went live and were withdrawn; `failed` are named in the log."""

    published: int = 0
    withdrawn: int = 0
    failed: int = 0


def publish_due(now: datetime) -> Due:
    """Publish every approved page whose time has come and withdraw every one whose time is over.

    `now` is an aware datetime; the worker calls this every few seconds. One page that cannot be
    published is logged and holds up no other.
    """
    withdrawn = published = failed = 0
    over = Page.objects.filter(live=True, expire_at__lte=now).order_by("expire_at")
    for pk in over.values_list("pk", flat=True):
        try:
            withdrawn += _withdraw(pk, now)
        except Exception:
            log.exception("page %s could not be withdrawn", pk)
            failed += 1
    due = Revision.objects.filter(approved_go_live_at__lte=now).order_by("approved_go_live_at")
    for pk in due.values_list("pk", flat=True):
        try:
            published += _publish(pk, now)
        except Exception:
            log.exception("revision %s could not be published", pk)
            failed += 1
    return Due(published=published, withdrawn=withdrawn, failed=failed)


def _withdraw(pk: int, now: datetime) -> bool:
    # Asked again under a lock: two workers may both have seen the page.
    with transaction.atomic():
        page = Page.objects.select_for_update().filter(pk=pk, live=True, expire_at__lte=now).first()
        if page:
            page.specific.unpublish(set_expired=True, log_action="wagtail.unpublish.scheduled")
        return page is not None


def _publish(pk: int, now: datetime) -> bool:
    with transaction.atomic():
        revision = (
            Revision.objects.select_for_update().filter(pk=pk, approved_go_live_at__lte=now).first()
        )
        if revision:
            revision.publish(log_action="wagtail.publish.scheduled")
        return revision is not None
