"""Putting the sample magazine into an empty one, through the same actions that people use."""

import json
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zlib import crc32

from django.core.files.images import ImageFile
from django.db import transaction
from django.utils import timezone
from wagtail.images import get_image_model
from wagtail.images.models import Image

from standfirst.articles import pictures as sizes
from standfirst.articles.models import (
    Article,
    ArticleIndex,
    Author,
    Byline,
    FrontPage,
    FrontPagePick,
    PinnedArticle,
    Region,
    Section,
    Topic,
)
from standfirst.project.demo import cast, text
from standfirst.publication.models import Publication

CONTENT = Path(__file__).parent / "content"
SOURCE = "meridian:"
# Two that readers don't see yet: one to come out tomorrow, one that waits for a colleague.
SCHEDULED, IN_REVIEW = "central-banks-without-a-country", "the-census-nobody-wants"


def load_sample() -> bool:
    """Make the sample magazine. Says whether there was anything to do; never touches what is."""
    files = sorted(CONTENT.glob("articles/*.md"))
    known = set(
        Article.objects.filter(source_id__startswith=SOURCE).values_list("source_id", flat=True)
    )
    missing = [file for file in files if SOURCE + file.stem not in known]
    if not missing:
        return False
    with transaction.atomic():
        publication = _publication()
        _parts()
        pictures = _pictures()
        samples = [
            text.read(
                file.stem,
                file.read_text(encoding="utf-8"),
                lambda slug: pictures[slug].pk if slug in pictures else None,
            )
            for file in missing
        ]
        now = timezone.now().astimezone(publication.zone)
        # The oldest first, as they would have been written.
        samples.sort(key=lambda s: (-int(s.facts["days_ago"]), int(s.facts["hour"])))
        for sample in samples:
            _article(sample, pictures, now)
        for sample in samples:
            _pin(sample)
        if not known:
            _edit_front_page()
    return True


def _publication() -> Publication:
    publication = Publication.objects.first() or Publication()
    if publication.pk is None or publication.contact == "":
        for name, value in cast.PUBLICATION.items():
            setattr(publication, name, value)
        publication.full_clean()
        publication.save()
    return publication


def _parts() -> None:
    for position, part in enumerate(cast.SECTIONS, start=1):
        Section.objects.get_or_create(
            slug=part.slug,
            defaults={
                "name": part.name, "description": part.description, "position": position,
            },
        )  # fmt: skip
    for part in cast.REGIONS:
        Region.objects.get_or_create(slug=part.slug, defaults={"name": part.name})
    for slug in cast.TOPICS:
        name = slug.replace("-", " ").capitalize()
        Topic.objects.get_or_create(slug=slug, defaults={"name": name})
    for writer in cast.AUTHORS:
        Author.objects.get_or_create(
            slug=writer.slug,
            defaults={
                "name": writer.name,
                "role": writer.role,
                "biography": f"<p>{writer.biography}</p>",
            },
        )


def _pictures() -> dict[str, Image]:
    """Every picture of the sample, by its file's name; made where it is not there yet."""
    model = get_image_model()
    found: dict[str, Image] = {}
    for file in sorted(CONTENT.glob("images/**/*")):
        if not file.is_file():
            continue
        title = f"meridian/{file.stem}"
        image = model.objects.filter(title=title).first()
        if image is None:
            with file.open("rb") as content:
                image = model(title=title, file=ImageFile(content, name=file.name))
                image.save()
            sizes.prepare(image)
        found[file.stem] = image
    for author in Author.objects.filter(portrait=None):
        author.portrait = found.get(f"author-{author.slug}")
        author.save()
    return found


def moment_of(facts: Mapping[str, object], slug: str, now: datetime) -> datetime:
    """When a sample article came out: so many working days before `now`, never after it.

    `days_ago` 0 is today, whatever day that is. An hour of today that is yet to come is moved
    between midnight and now, in the same order.
    """
    day = working_day(now.date(), int(str(facts["days_ago"])))
    hour, minute = int(str(facts["hour"])), crc32(slug.encode()) % 12 * 5
    moment = datetime.combine(day, time(hour, minute), now.tzinfo)
    if moment <= now:
        return moment
    midnight = datetime.combine(day, time(0), now.tzinfo)
    return midnight + (now - midnight) * ((hour * 60 + minute) / (24 * 60))


def working_day(today: date, days_ago: int) -> date:
    """The day so many working days before `today`; 0 is today itself."""
    day = today
    for _ in range(days_ago):
        day -= timedelta(days=1)
        while day.weekday() > 4:
            day -= timedelta(days=1)
    return day


def _article(sample: text.Sample, pictures: dict[str, Image], now: datetime) -> None:
    facts, picture = sample.facts, facts_of_map(sample)
    moment = moment_of(facts, sample.slug, now)
    hero = pictures.get(sample.slug)
    note = facts.get("note") or {}
    article = Article(
        title=facts["headline"],
        slug=sample.slug,
        standfirst=facts["standfirst"],
        section=Section.objects.get(slug=facts["section"]),
        format=facts["format"],
        terms=facts.get("terms", ""),
        published_at=moment,
        body=json.dumps(sample.body),
        hero=hero,
        hero_alt=picture["alt"] if hero else "",
        hero_caption=picture["caption"] if hero else "",
        hero_credit=picture["credit"] if hero else "",
        note_kind=note.get("kind", ""),
        note_text=note.get("text", ""),
        note_date=max(moment.date(), working_day(now.date(), note["days_ago"])) if note else None,
        source_id=SOURCE + sample.slug,
        live=False,
    )
    article.bylines = [
        Byline(author=Author.objects.get(slug=slug), sort_order=order)
        for order, slug in enumerate(facts["authors"])
    ]
    article.topics = list(Topic.objects.filter(slug__in=facts["topics"]))
    article.regions = list(Region.objects.filter(slug__in=facts["regions"]))
    if sample.slug in {SCHEDULED, IN_REVIEW}:
        article.published_at = None
    ArticleIndex.objects.get().add_child(instance=article)
    if sample.slug == SCHEDULED:
        article.go_live_at = datetime.combine(now.date() + timedelta(days=1), time(6), now.tzinfo)
        article.save_revision(approved_go_live_at=article.go_live_at).publish()
    elif sample.slug == IN_REVIEW:
        _send_to_review(article)
    else:
        article.save_revision(log_action=True).publish()
        # Readers, feeds and the newsroom are told when it came out in the story of this magazine.
        Article.objects.filter(pk=article.pk).update(
            first_published_at=moment, last_published_at=moment
        )


def facts_of_map(sample: text.Sample) -> dict[str, str]:
    """What the picture shows, its caption and its credit."""
    told = sample.facts.get("map", {})
    return {name: str(told.get(name, "")) for name in ("alt", "caption", "credit")}


def _send_to_review(article: Article) -> None:
    """Hand a draft to the newsroom's workflow, if it has one."""
    article.save_revision(log_action=True)
    workflow = article.get_workflow()
    if workflow is not None:
        workflow.start(article, None)


def _pin(sample: text.Sample) -> None:
    article = Article.objects.filter(source_id=SOURCE + sample.slug).first()
    if article is None:
        return
    wanted = sample.facts.get("pinned", [])
    found = {a.slug: a for a in Article.objects.filter(slug__in=wanted, live=True)}
    PinnedArticle.objects.bulk_create(
        PinnedArticle(article=article, related=found[slug], sort_order=order)
        for order, slug in enumerate(wanted)
        if slug in found
    )


def _edit_front_page() -> None:
    front = FrontPage.objects.get()
    front.title = front.draft_title = cast.PUBLICATION["name"]
    found = {a.slug: a for a in Article.objects.filter(slug__in=cast.FRONT_PAGE, live=True)}
    front.picks = [
        FrontPagePick(article=found[slug], sort_order=order)
        for order, slug in enumerate(slug for slug in cast.FRONT_PAGE if slug in found)
    ]
    front.save_revision().publish()
