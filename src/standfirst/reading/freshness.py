"""Which change makes what untrue. The one place that watches the tables for the page store.

Wagtail, allauth and the newsroom's forms save rows in many ways; signals of the models are the only
place through which all of them pass. Rows that are changed in bulk are told of by `everything`.
"""

from collections.abc import Iterable
from typing import Any

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_init, post_save
from wagtail.embeds.models import Embed
from wagtail.images.models import Image
from wagtail.models import Page, Site
from wagtail.signals import page_published, page_slug_changed, page_unpublished

from standfirst.access.models import Unlock
from standfirst.articles.models import (
    Article,
    Author,
    Byline,
    FrontPage,
    FrontPagePick,
    PinnedArticle,
    Region,
    Section,
    Topic,
)
from standfirst.members.models import Member
from standfirst.publication.kept import depends_on
from standfirst.publication.models import Publication
from standfirst.reading import host
from standfirst.reading.models import Change
from standfirst.subscriptions.models import Subscription

# Rows that stand in pages: reading one while a page is rendered makes the page depend on it.
READ = (Article, Author, FrontPage, Image, Region, Section, Topic)
# What Wagtail notes at a page while somebody drafts; no reader sees any of it.
_DRAFTING = {
    *("draft_title", "has_unpublished_changes", "latest_revision", "latest_revision_created_at"),
    *("live_revision", "locked", "locked_at", "locked_by", "go_live_at"),
}


def changed(tags: Iterable[str] = (), member: int | None = None) -> None:
    """Write down that something became untrue, and tell this host once that is committed."""
    told = sorted(set(tags))
    Change.write(told, member)
    transaction.on_commit(lambda: host.tell(told, member))


def unlocked(member: int) -> None:
    """Tell this host of a row in the ledger once it is committed. It need not be written down for
    others: the row itself is what their followers read."""
    transaction.on_commit(lambda: host.tell([], member))


def everything() -> None:
    """Every kept page is untrue; for changes in bulk."""
    changed([host.EVERYTHING])


def tag_of(row: Model) -> str:
    return f"{row._meta.model_name}:{row.pk}"


# -- pages ------------------------------------------------------------------------------------


def _was_read(sender: Any, instance: Model, **_: Any) -> None:
    if instance.pk:
        depends_on(tag_of(instance))


def _article_changed(sender: Any, instance: Article, **given: Any) -> None:
    fields = given.get("update_fields")
    if fields and set(fields) <= _DRAFTING:
        return
    if given.get("created") and not instance.live:
        return  # nobody knows of a draft
    # `articles`: every list; `in:`: pages that show the newest of a topic or section.
    tags = {tag_of(instance), "articles", f"in:section:{instance.section_id}"}
    if instance.pk:
        tags.update(f"in:topic:{topic.pk}" for topic in instance.topics.all())
        before = Article.topics.through.objects.filter(article=instance.pk)
        tags.update(f"in:topic:{pk}" for pk in before.values_list("topic", flat=True))
    in_section = Article.objects.filter(live=True, section=instance.section_id).order_by()[:2]
    if len(in_section.values_list("pk", flat=True)) < 2:
        tags.add("menu")  # a section comes into the menu, or leaves it
    changed(tags)


def _part_changed(sender: Any, instance: Any, **_: Any) -> None:
    owner = instance.article_id if hasattr(instance, "article_id") else instance.page_id
    if isinstance(instance, FrontPagePick):
        changed([f"frontpage:{instance.page_id}"])
    else:
        changed([f"article:{owner}", "articles"])


def _filed_anew(sender: Any, instance: Any, action: str, pk_set: Any, **_: Any) -> None:
    if action in {"post_add", "post_remove", "pre_clear"} and isinstance(instance, Article):
        tags = {tag_of(instance), "articles"}
        tags.update(f"in:topic:{pk}" for pk in pk_set or ())
        changed(tags)


def _row_changed(sender: Any, instance: Model, **_: Any) -> None:
    tags = [tag_of(instance), "lists"]
    if isinstance(instance, Section):
        tags.append("menu")
    changed(tags)


def _all_changed(sender: Any, **_: Any) -> None:
    changed([host.EVERYTHING], member=0)


def _all_pages_changed(sender: Any, **_: Any) -> None:
    everything()


# -- members ----------------------------------------------------------------------------------


def _standing_changed(sender: Any, instance: Any, **_: Any) -> None:
    member = instance.pk if isinstance(instance, Member) else _owner(instance)
    if member:
        changed(member=member)


def _owner(row: Any) -> int | None:
    owner: int | None = row.member_id if hasattr(row, "member_id") else row.user_id
    return owner


def _signed_out(sender: Any, user: Member | None, **_: Any) -> None:
    if user:
        changed(member=user.pk)


def watch() -> None:
    """Begin to watch; called once, when the program starts."""
    for model in READ:
        post_init.connect(_was_read, sender=model)
    for signal in (post_save, post_delete):
        signal.connect(_article_changed, sender=Article)
        for model in (Byline, PinnedArticle, FrontPagePick):
            signal.connect(_part_changed, sender=model)
        for model in (Author, FrontPage, Image, Region, Section, Topic):
            signal.connect(_row_changed, sender=model)
        signal.connect(_all_changed, sender=Publication)
        for model in (Site, Embed):
            signal.connect(_all_pages_changed, sender=model)
        for model in (Member, EmailAddress, Unlock, Subscription):
            signal.connect(_standing_changed, sender=model)
    post_delete.connect(_standing_changed, sender=UserSession)
    user_logged_out.connect(_signed_out)
    for through in (Article.topics.through, Article.regions.through):
        m2m_changed.connect(_filed_anew, sender=through)
    for signal in (page_published, page_unpublished, page_slug_changed):
        signal.connect(_published, weak=False)


def _published(sender: Any, instance: Page, **_: Any) -> None:
    if isinstance(instance, Article):
        _article_changed(sender, instance)
    else:
        everything()
