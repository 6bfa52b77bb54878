"""Who may read an article, and why: the facts gathered for `access.explain`."""

from datetime import datetime

from django.contrib.auth.models import AnonymousUser

from standfirst.access.explain import Explanation, Question, explain
from standfirst.access.models import Unlock
from standfirst.access.queries import credits_of, standing_of
from standfirst.access.rules import Terms
from standfirst.articles.models import Article
from standfirst.members.models import Member
from standfirst.publication.queries import the_publication
from standfirst.publication.rules import month_of, next_month


class Unknown(LookupError):  # noqa: N818
    """There is no such article or member; the text is a sentence for whoever asked."""


def explain_article(article: str | int, email: str | None, now: datetime) -> list[str]:
    """The sentences of why a reader may, or may not, read the whole of an article.

    `article` is its id, slug, or address (with or without the host); `email` a member's address, or
    None for a visitor. Raises Unknown with a sentence.
    """
    found = _article(str(article))
    sentences = list(why(found, member_with(email) if email else None, now).sentences)
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
