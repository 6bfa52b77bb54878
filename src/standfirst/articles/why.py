"""Who may read an article, and why: the facts gathered for `access.explain`."""

from dataclasses import replace
from datetime import UTC, datetime

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from standfirst.access.explain import Explanation, Question, explain
from standfirst.access.models import Unlock
from standfirst.access.past import Then, standing_then
from standfirst.access.queries import credits_of, standing_of
from standfirst.access.rules import VISITOR, Terms
from standfirst.articles.models import Article
from standfirst.members.models import Member
from standfirst.publication.queries import the_publication
from standfirst.publication.rules import month_of, next_month


class Unknown(LookupError):  # noqa: N818
    """There is no such article or member; the text is a sentence for whoever asked."""


def explain_article(
    article: str | int, email: str | None, now: datetime, *, on: datetime | None = None
) -> list[str]:
    """The sentences of why a reader may, or may not, read the whole of an article.

    `article` is its id, slug, or address (with or without the host); `email` a member's address, or
    None for a visitor. With `on` (aware) it is told what held at that moment. Raises Unknown with a
    sentence.
    """
    found = _article(str(article))
    member = member_with(email) if email else None
    with timezone.override(the_publication().zone):
        told = why(found, member, now) if on is None else why_then(found, member, on)
    sentences = list(told.sentences)
    if not found.live:
        sentences.insert(0, "The article is not published: readers get “page not found”.")
    return sentences


def why(article: Article, member: Member | None, now: datetime) -> Explanation:
    """The explanation of the decision on an article for a member, or for a visitor (None)."""
    publication = the_publication()
    zone = publication.zone
    month = month_of(now, zone)
    unlock = (
        Unlock.objects.filter(member=member, article=article.pk).order_by("-unlocked_at").first()
        if member
        else None
    )
    credits = credits_of(member, now) if member else None
    return explain(
        Question(
            article=article.pk,
            headline=article.title,
            own_terms=Terms(article.terms) if article.terms else None,
            section=article.section.name,
            section_terms=Terms(article.section.terms),
            reader=member.email if member else "a visitor",
            standing=standing_of(member or AnonymousUser(), now),
            now=now.astimezone(zone),
            allowance=publication.allowance,
            month=month,
            renews_on=credits.renews_at.date() if credits else next_month(month),
            unlocked_at=unlock.unlocked_at.astimezone(zone) if unlock else None,
        )
    )


def why_then(article: Article, member: Member | None, on: datetime) -> Explanation:
    """The same at a moment that is over, by the same rule: what led to it, then the decision.

    Subscriptions and unlocks are as the ledgers knew them then (see `access.past`).
    """
    zone = the_publication().zone
    then = standing_then(member, on) if member else None
    explanation = explain(_question_then(article, member, then, on))
    facts = list(then.sentences) if then else []
    said = f"Asked of {on.astimezone(zone):%-d %B %Y, %H:%M}."
    if article.published_at and on < article.published_at:
        facts.insert(0, "The article was not published yet.")
    if not facts:
        facts = ["The article’s terms are today’s; those of then are not kept."]
    sentences = (said, *explanation.sentences[:-1], *facts, explanation.sentences[-1])
    return replace(explanation, sentences=sentences)


def _question_then(
    article: Article, member: Member | None, then: Then | None, on: datetime
) -> Question:
    publication = the_publication()
    zone = publication.zone
    month = month_of(on, zone)
    rows = [row for row in then.unlocks if row.article_id == article.pk] if then else []
    return Question(
        article=article.pk,
        headline=article.title,
        own_terms=Terms(article.terms) if article.terms else None,
        section=article.section.name,
        section_terms=Terms(article.section.terms),
        reader=member.email if member else "a visitor",
        standing=then.standing if then else VISITOR,
        now=on.astimezone(zone),
        allowance=publication.allowance,
        month=month,
        renews_on=next_month(month),
        unlocked_at=rows[-1].unlocked_at.astimezone(zone) if rows else None,
    )


def moment_from(text: str) -> datetime:
    """A moment that somebody typed, as ISO 8601; without an offset it is where the magazine is.
    Raises Unknown with a sentence."""
    try:
        moment = datetime.fromisoformat(text.strip())
        if not 1970 <= moment.year <= 2200:
            raise ValueError
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=the_publication().zone)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unknown(f"“{text}” is no moment. Write it as 2026-05-03T12:00.") from error


def _article(name: str) -> Article:
    articles = Article.objects.select_related("section")
    slug = name.partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")[2]
    found = articles.filter(slug=slug).order_by("-live", "pk").first()
    if found is None and slug.isascii() and slug.isdigit() and len(slug) < 16:
        found = articles.filter(pk=int(slug)).first()
    if found is None:
        raise Unknown(
            f"There is no article “{name}”. Give its id, or its address or the last part of that."
        )
    return found


def member_with(email: str) -> Member:
    """The member with this address, whatever its case. Raises Unknown with a sentence."""
    found = Member.objects.filter(email__iexact=email.strip().replace("\x00", "")).first()
    if found is None:
        raise Unknown(f"No member has the address “{email}”.")
    return found
