"""What a topic, region or author is often seen with, so that their pages lead into each other."""

from collections import Counter
from collections.abc import Sequence

from standfirst.articles import tags
from standfirst.articles.models import Article, Author, Filed, Region, Topic
from standfirst.articles.queries import in_short
from standfirst.publication.kept import depends_on

MOST = {Topic: 5, Region: 2, Author: 3}
OFTEN = 2  # articles of those at hand


def company(subject: Filed, articles: Sequence[Article]) -> list[Filed]:
    """Topics, regions and authors that these articles of a subject have in common, the most
    frequent first. `articles` come as for cards, their authors with them."""
    ids = [article.pk for article in articles]
    depends_on(*map(tags.of_filing, ids))
    found: list[Filed] = []
    for model, through in ((Topic, Article.topics.through), (Region, Article.regions.through)):
        pairs = through.objects.filter(article__in=ids)
        counts = Counter(pairs.values_list(str(model.kind), flat=True))
        if isinstance(subject, model):
            counts.pop(subject.pk, None)
        rows = in_short(model).in_bulk(_often(counts, MOST[model]))
        found += sorted(rows.values(), key=lambda row: (-counts[row.pk], row.name))
    if not isinstance(subject, Author):
        authors = {b.author_id: b.author for a in articles for b in a.bylines.all()}
        counts = Counter(b.author_id for a in articles for b in a.bylines.all())
        found += [authors[pk] for pk in _often(counts, MOST[Author])]
    return found


def _often(counts: Counter[int], most: int) -> list[int]:
    ranked = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    return [pk for pk, count in ranked if count >= OFTEN][:most]
