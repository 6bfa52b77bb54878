"""What search engines are told of an article: made from the page a reader gets, nothing else."""

import json
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from standfirst.access.rules import Terms
from standfirst.articles.citing import Work
from standfirst.articles.models import Article
from standfirst.articles.pictures import card_of
from standfirst.articles.queries import ArticlePage
from standfirst.publication.models import Publication

REST = ".rest"  # the CSS class of what only some may read, in articles/article.html

_ESCAPES = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


def for_a_script_element(data: Any) -> SafeString:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return mark_safe(text.translate(_ESCAPES))  # noqa: S308


def news_article(page: ArticlePage, publication: Publication, base_url: str) -> dict[str, Any]:
    """schema.org's NewsArticle, with the mark-up that Google documents for paywalled content.

    The same for every reader: a preview and the full text of one article describe it alike.
    """
    article = page.article
    address = base_url + article.get_absolute_url()
    open_to_all = article.effective_terms is Terms.OPEN
    publisher: dict[str, Any] = {
        "@type": "NewsMediaOrganization",
        "name": publication.name,
        "url": f"{base_url}/",
    }
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": article.title,
        "description": page.description,
        "url": address,
        "mainEntityOfPage": {"@type": "WebPage", "@id": address},
        "articleSection": article.section.name,
        "inLanguage": publication.language,
        "author": [
            {
                "@type": "Person",
                "name": author.name,
                "url": base_url + author.get_absolute_url(),
            }
            for author in page.authors
        ]
        or [publisher],
        "publisher": publisher,
        "isAccessibleForFree": open_to_all,
    }
    if article.published_at:
        data["datePublished"] = article.published_at.isoformat()
        changed = max(article.published_at, article.last_published_at or article.published_at)
        data["dateModified"] = changed.isoformat()
    if card := card_of(article.hero):
        data["image"] = [base_url + card.url if card.url.startswith("/") else card.url]
    if not open_to_all:
        data["hasPart"] = {
            "@type": "WebPageElement",
            "isAccessibleForFree": False,
            "cssSelector": REST,
        }
    return data


def work_of(article: Article, publication: Publication, base_url: str) -> Work:
    """The article as something to cite: what every reader may see of it."""
    moment = article.published_at
    return Work(
        title=article.title,
        authors=[byline.author.name for byline in article.bylines.all()],
        magazine=publication.name,
        published=moment.astimezone(publication.zone).date() if moment else None,
        address=base_url + article.get_absolute_url(),
        language=publication.language,
        summary=article.standfirst,
    )
