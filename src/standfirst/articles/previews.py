"""The article as each kind of reader would see it, for its editors. Nothing is stored.

The page is the readers' own template, and what it may show is decided by `access.rules.decide` for
a made-up standing: an editor sees the wall that readers will meet.
"""

from datetime import datetime, timedelta
from typing import Any

from standfirst.access.queries import month_for_all
from standfirst.access.rules import VISITOR, Preview, Standing, Wall, decide
from standfirst.articles.models import Article
from standfirst.articles.queries import article_page
from standfirst.members.forms import JoinForm
from standfirst.publication.queries import the_publication


def standing_in(mode: str, now: datetime, allowance: int) -> Standing:
    """The made-up standing of one of `Article.preview_modes`; an unknown mode is a visitor's."""
    match mode:
        case "":
            return Standing(signed_in=True, staff=True)
        case "unverified":
            return Standing(signed_in=True)
        case "credits":
            return Standing(signed_in=True, verified=True, credits_left=allowance)
        case "spent":
            return Standing(signed_in=True, verified=True)
        case "subscriber":
            return Standing(
                signed_in=True, verified=True, subscribed_until=now + timedelta(days=30)
            )
    return VISITOR


def preview_context(article: Article, mode: str, now: datetime) -> dict[str, Any]:
    """What the article's template needs, for a draft that may not even be saved yet."""
    # A draft has no id and no time; the page's links need some. The object is thrown away after.
    article.pk = article.pk or 0
    article.published_at = article.published_at or article.go_live_at or now
    article.first_published_at = article.first_published_at or article.published_at
    article.last_published_at = article.last_published_at or article.first_published_at
    standing = standing_in(mode, now, the_publication().allowance)
    decision = decide(article.effective_terms, standing, article.pk, now)
    context: dict[str, Any] = {
        "page": article_page(article, decision),
        "decision": decision,
        "seen_as": mode,
        "form": JoinForm(),
    }
    if isinstance(decision, Preview) and decision.wall in {Wall.CHOOSE, Wall.SPENT}:
        context["credits"] = month_for_all(now)
    return context
