"""Which change makes what untrue. The one place that watches the tables for the page store.

Wagtail, allauth and the newsroom's forms save rows in many ways; signals of the models are the only
place through which all of them pass. Rows that are changed in bulk are told of by `everything`,
and lists of articles by `articles.shelves`, which knows what stands on them.

A page depends on the rows that were read while it was rendered: on `author:5`, and if what is LONG
of the row was read too, also on `author:5:long`. A change of what is LONG tells the second, any
other the first; a change of nothing that readers see tells nothing.
"""

from collections.abc import Iterable
from typing import Any

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import (
    m2m_changed,
    post_delete,
    post_init,
    post_save,
    pre_delete,
    pre_save,
)
from wagtail.embeds.models import Embed
from wagtail.images.models import Image
from wagtail.models import Page, Site
from wagtail.signals import page_published, page_slug_changed, page_unpublished

from standfirst.access.models import Unlock
from standfirst.articles import tags
from standfirst.articles.models import (
    OF_THE_DESK,
    Article,
    ArticleIndex,
    Author,
    Byline,
    Filed,
    FrontPage,
    FrontPagePick,
    PinnedArticle,
    Region,
    Section,
    Topic,
)
from standfirst.articles.queries import LONG
from standfirst.articles.rules import minutes_to_read
from standfirst.members.models import Member
from standfirst.publication.kept import EVERYTHING, depends_on, tag_of
from standfirst.publication.models import Publication
from standfirst.reading import host
from standfirst.reading.models import Change
from standfirst.subscriptions.models import AtProvider, Coupon, Plan, Price, Subscription
from standfirst.subscriptions.queries import LOWEST, PLANS, lowest_price

# Rows that stand in pages: reading one while a page is rendered makes the page depend on it.
READ = (Article, Author, FrontPage, Image, Region, Section, Topic)
PARTS = (Byline, PinnedArticle, FrontPagePick)  # stand in the pages of what they belong to
MOST_TAGS = 200  # of one change; more than that are told as everything

# What no reader sees: the desk's notes, and what Wagtail notes of a picture.
_UNSEEN: dict[type[Model], set[str]] = {
    **dict.fromkeys((Article, FrontPage, Page), OF_THE_DESK),
    Image: {
        *("title", "description", "file_size", "file_hash"),
        *("collection", "uploaded_by_user", "created_at"),
    },
}
_LONG = {
    model: frozenset(f.attname for f in model._meta.concrete_fields if f.name in names)
    for model, names in LONG.items()
}
# By these sections stand in the menu; topics, regions and authors in their indexes.
_ORDER = {"filed_as", "position"}
_NAMES = {"name", "slug", *_ORDER}


def changed(what: Iterable[str] = (), member: int | None = None) -> None:
    """Write down that something became untrue, and tell this host once that is committed."""
    told = sorted(set(what))
    if EVERYTHING in told or len(told) > MOST_TAGS:
        told = [EVERYTHING]
    Change.write(told, member)
    transaction.on_commit(lambda: host.tell(told, member))


def unlocked(member: int) -> None:
    """Tell this host of a row in the ledger once it is committed. It need not be written down for
    others: the row itself is what their followers read."""
    transaction.on_commit(lambda: host.tell([], member))


def everything() -> None:
    """Every kept page is untrue; for changes in bulk."""
    changed([EVERYTHING])


# -- what pages are made from -----------------------------------------------------------------


def _was_read(sender: Any, instance: Model, **_: Any) -> None:
    if instance.pk:
        tag = tag_of(sender, instance.pk)
        depends_on(tag)
        if not _LONG.get(sender, frozenset()).isdisjoint(instance.__dict__):
            depends_on(_long(tag))


def _long(tag: str) -> str:
    return f"{tag}:long"


def _tag(row: Any) -> str:
    """What the pages depend on that show something of this row."""
    match row:
        case FrontPagePick():
            return tag_of(FrontPage, row.page_id)
        case Byline():
            return tag_of(Article, row.article_id)
        case PinnedArticle():
            return _long(tag_of(Article, row.article_id))
    return tag_of(type(row), row.pk)


# -- changed rows -----------------------------------------------------------------------------


def _is_unseen(model: Any, fields: Iterable[str] | None) -> bool:
    return bool(fields) and _UNSEEN.get(model, set()).issuperset(fields or ())


def _before_saving(sender: Any, instance: Any, update_fields: Any = None, **_: Any) -> None:
    if not instance.pk or _is_unseen(sender, update_fields):
        return
    left = {*_UNSEEN.get(sender, ()), *LONG.get(sender, ())}
    shown = [field.attname for field in sender._meta.concrete_fields if field.name not in left]
    instance._shown_before = sender._base_manager.filter(pk=instance.pk).values(*shown).first()


def _saved(sender: Any, instance: Any, update_fields: Any = None, **_: Any) -> None:
    before = instance.__dict__.pop("_shown_before", None)
    if _is_unseen(sender, update_fields):
        return
    if before is None:  # nobody has read what is new; but what it is a part of is another now
        if sender in PARTS:
            changed([_tag(instance)])
        return
    if sender is Article and not (before["live"] or instance.live):
        return  # nobody knows of a draft
    different = {name for name, value in before.items() if getattr(instance, name) != value}
    if different == {"words"} and instance.minutes == minutes_to_read(before["words"]):
        different = set()  # readers see the minutes
    told = [_tag(instance)] if different - _ORDER else []
    if issubclass(sender, Filed) and different & _NAMES:
        told.append(tags.of_names(sender.kind))
    if not told and sender in LONG:
        told = [_long(_tag(instance))]
    if told:
        changed(told)


def _deleted(sender: Any, instance: Any, **_: Any) -> None:
    names = [tags.of_names(sender.kind)] if issubclass(sender, Filed) else []
    changed([_tag(instance), *names])


def _filed_anew(sender: Any, instance: Any, action: str, **_: Any) -> None:
    if action in {"post_add", "post_remove", "pre_clear"} and isinstance(instance, Article):
        changed([_long(_tag(instance)), tags.of_filing(instance.pk)])


def _embed_changed(sender: Any, instance: Embed, **_: Any) -> None:
    changed([tags.of_embed(instance.hash)])


def _saved_as_a_page(sender: Any, instance: Page, update_fields: Any = None, **_: Any) -> None:
    """Wagtail sometimes saves an article as the plain page that it is too."""
    if instance.specific_class in READ and not _is_unseen(Page, update_fields):
        changed([tag_of(instance.specific_class, instance.pk)])


def _other_page_changed(sender: Any, instance: Page, **_: Any) -> None:
    """A kind of page that this magazine does not have."""
    if instance.specific_class not in {*READ, ArticleIndex}:
        everything()


def _all_changed(sender: Any, **_: Any) -> None:
    changed([EVERYTHING], member=0)


def _all_pages_changed(sender: Any, **_: Any) -> None:
    everything()


# -- what is sold -----------------------------------------------------------------------------


def _lowest() -> str:
    found = lowest_price()
    return found.in_short if found else ""


def _is_sold(sender: Any, instance: Any) -> bool:
    return sender is not AtProvider or instance.kind in {"plan", "price", "intro", "coupon"}


def _before_selling(sender: Any, instance: Any, **_: Any) -> None:
    """The many pages with a wall name the lowest price alone: they stay where it does."""
    if _is_sold(sender, instance) and sender is not Coupon:
        instance._lowest_before = _lowest()


def _sold_otherwise(sender: Any, instance: Any, **_: Any) -> None:
    if not _is_sold(sender, instance):
        return
    told = [PLANS]
    if "_lowest_before" in instance.__dict__ and instance._lowest_before != _lowest():
        told.append(LOWEST)
    changed(told)


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
    for model in (*READ, *PARTS):
        pre_save.connect(_before_saving, sender=model)
        post_save.connect(_saved, sender=model)
        post_delete.connect(_deleted, sender=model)
    for through in (Article.topics.through, Article.regions.through):
        m2m_changed.connect(_filed_anew, sender=through)
    post_save.connect(_saved_as_a_page, sender=Page)
    for signal in (page_published, page_unpublished, page_slug_changed):
        signal.connect(_other_page_changed)
    for signal in (post_save, post_delete):
        signal.connect(_embed_changed, sender=Embed)
        signal.connect(_all_pages_changed, sender=Site)
        signal.connect(_all_changed, sender=Publication)
        for model in (Member, EmailAddress, Unlock, Subscription):
            signal.connect(_standing_changed, sender=model)
    for model in (Plan, Price, Coupon, AtProvider):
        for signal in (pre_save, pre_delete):
            signal.connect(_before_selling, sender=model)
        for signal in (post_save, post_delete):
            signal.connect(_sold_otherwise, sender=model)
    post_delete.connect(_standing_changed, sender=UserSession)
    user_logged_out.connect(_signed_out)
