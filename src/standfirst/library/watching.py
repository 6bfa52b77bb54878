"""Which saved row changes what the index holds, or what editors have told the library. The one
place that watches the tables for it.

Wagtail and the newsroom's forms save rows in many ways; signals of the models are the only place
through which all of them pass, in the transaction of the change. What is written past the models
says so by an event (`ArticlesLoaded`, in project/reactions.py).
"""

from typing import Any

from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete
from wagtail.models import Page

from standfirst.articles.models import (
    OF_THE_DESK,
    Article,
    Author,
    Byline,
    Region,
    Section,
    Topic,
)
from standfirst.articles.related import leading_to
from standfirst.library import desk
from standfirst.library.actions import note, note_all
from standfirst.library.models import Due, Kind, Pinning, Synonyms
from standfirst.library.related import MOST_LEADING, due


def _page_changed(sender: Any, instance: Page, **given: Any) -> None:
    fields = given.get("update_fields")
    if fields and OF_THE_DESK.issuperset(fields):
        return
    if isinstance(instance, Article) or instance.specific_class is Article:
        note(instance.pk)


def _article_goes(sender: Any, instance: Article, **_: Any) -> None:
    """While it can still be seen which articles lead on to it."""
    due(leading_to([instance.pk], MOST_LEADING), Due.Why.NEAR)


def _article_gone(sender: Any, instance: Article, **_: Any) -> None:
    note(instance.pk)


def _byline_changed(sender: Any, instance: Byline, **_: Any) -> None:
    note(instance.article_id)


def _filed_anew(sender: Any, instance: Model, action: str, **_: Any) -> None:
    if action in {"post_add", "post_remove", "post_clear"}:
        if isinstance(instance, Article):
            note(instance.pk)
        else:  # from the other side: topic.articles.add(...)
            note_all(Kind(str(instance._meta.model_name)), [instance.pk])


def _subject_changed(sender: Any, instance: Model, created: bool = False, **_: Any) -> None:
    if not created:  # nothing is filed under a new one
        note_all(Kind(str(instance._meta.model_name)), [instance.pk])


def _subject_goes(sender: Any, instance: Any, **_: Any) -> None:
    """While it can still be seen what is filed there."""
    note(*instance.articles.order_by().values_list("pk", flat=True))


def watch() -> None:
    """Begin to watch; called once, when the program starts."""
    # Wagtail sometimes saves an article as the plain page that it is too.
    for model in (Page, Article):
        post_save.connect(_page_changed, sender=model)
    pre_delete.connect(_article_goes, sender=Article)
    post_delete.connect(_article_gone, sender=Article)
    for signal in (post_save, post_delete):
        signal.connect(_byline_changed, sender=Byline)
    for through in (Article.topics.through, Article.regions.through):
        m2m_changed.connect(_filed_anew, sender=through)
    for subject in (Author, Region, Section, Topic):
        post_save.connect(_subject_changed, sender=subject)
    for subject in (Region, Topic):
        pre_delete.connect(_subject_goes, sender=subject)
    for model in (Synonyms, Pinning):
        for signal in (post_save, post_delete):
            signal.connect(desk.changed, sender=model)
