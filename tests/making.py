"""The cast and the props: short ways to make what a test needs. Nothing here asserts anything."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from wagtail.models import Collection, Locale, Page, Site

from standfirst.access.rules import Terms
from standfirst.articles.models import Article, ArticleIndex, Author, Byline, FrontPage, Section
from standfirst.members.consent import By, give
from standfirst.members.models import Member
from standfirst.newsletters.actions.setting_up import set_up_newsletters
from standfirst.newsletters.models import Audience, Edition, EditionArticle, Newsletter
from standfirst.publication.models import Publication
from standfirst.subscriptions.models import Subscription

_numbers = count(1)

PREVIEW = "<p>The harbour was quiet, and the preview says so.</p><p>A second paragraph follows.</p>"
SECRET = "MARKER-OF-THE-REST"


def make_magazine(**publication: Any) -> ArticleIndex:
    """The publication, a front page as the site's root and the index that articles lie under."""
    found = ArticleIndex.objects.first()
    row = Publication.objects.first() or Publication()
    for name, value in publication.items():
        setattr(row, name, value)
    row.save()
    if found:
        return found
    with suppress(IntegrityError), transaction.atomic():
        _lay_down()
        return ArticleIndex.objects.get()
    return _make_pages()


def _make_pages() -> ArticleIndex:
    # A flushed database, or one made without migrations, lacks what Wagtail's migrations make.
    Locale.objects.get_or_create(language_code="en")
    Collection.get_first_root_node() or Collection.add_root(name="Root")
    root = Page.get_first_root_node() or Page.add_root(title="Root", slug="root")
    front = FrontPage.objects.first()
    if front is None:
        front = root.add_child(instance=FrontPage(title="Front page", slug="front"))
    Site.objects.update_or_create(
        is_default_site=True,
        defaults={"hostname": "testserver", "port": 80, "root_page": front, "site_name": "T"},
    )
    return front.add_child(instance=ArticleIndex(title="Articles", slug="articles"))


_ROWS_OF = (Locale, Collection, Page, FrontPage, ArticleIndex, Site)
_rows: dict[str, list[tuple[Any, ...]]] = {}  # by the statement that inserts one


def _lay_down() -> None:
    """The rows of an empty magazine, as they were when it was first made in this process: nearly
    every test begins with one, and Wagtail takes thirty milliseconds for its pages.

    Raises IntegrityError where some of them are there, or it cannot be done."""
    with connection.cursor() as cursor:
        if not _rows:
            # Content types that are made on the way would go with the pages, but be remembered.
            if not ContentType.objects.exists():
                raise IntegrityError("There are no content types.")
            if any(model._base_manager.exists() for model in _ROWS_OF):
                raise IntegrityError("There are pages.")
            with transaction.atomic():
                _make_pages()
                for model in _ROWS_OF:
                    cursor.execute(f"SELECT * FROM {model._meta.db_table}")
                    names = [f'"{column[0]}"' for column in cursor.description]
                    insert = f"INSERT INTO {model._meta.db_table} ({', '.join(names)}) VALUES "
                    _rows[f"{insert} ({', '.join(['%s'] * len(names))})"] = cursor.fetchall()
                transaction.set_rollback(True)
        for insert, rows in _rows.items():
            cursor.executemany(insert, rows)


def make_section(name: str = "World", terms: Terms = Terms.METERED) -> Section:
    section, _ = Section.objects.get_or_create(
        name=name, defaults={"slug": name.lower().replace(" ", "-"), "terms": terms.value}
    )
    return section


def make_article(title: str = "", *, terms: Terms | None = None, **fields: Any) -> Article:
    """A published article whose rest (after the cut) holds SECRET. `live=False` makes a draft."""
    number = next(_numbers)
    title = title or f"Article number {number}"
    author, _ = Author.objects.get_or_create(name="Ada Sample", defaults={"slug": "ada-sample"})
    fields.setdefault("published_at", timezone.now() - timedelta(hours=number))
    fields.setdefault("standfirst", "A standfirst that makes one read on.")
    fields.setdefault(
        "body",
        [
            ("paragraph", PREVIEW),
            ("cut", None),
            ("paragraph", f"<p>{SECRET} {number}: what only some may read.</p>"),
        ],
    )
    fields.setdefault("section", make_section())
    fields.setdefault("slug", f"article-number-{number}")
    article = Article(title=title, terms=terms.value if terms else "", **fields)
    article.bylines = [Byline(author=author)]
    return make_magazine().add_child(instance=article)


def make_newsletter(name: str = "The Daily Review", **fields: Any) -> Newsletter:
    """A newsletter for members; its address is made from its name."""
    fields.setdefault("slug", name.lower().replace(" ", "-"))
    return Newsletter.objects.create(name=name, **fields)


def make_edition(newsletter: Newsletter, day: str, *articles: Article, **fields: Any) -> Edition:
    """A sent edition of a day (ISO), as readers find it on the web. `live=False` makes a draft."""
    fields.setdefault("title", f"{newsletter}, {day}")
    edition = Edition(
        newsletter=newsletter,
        day=date.fromisoformat(day),
        slug=f"{newsletter.slug}-{day}",
        **fields,
    )
    edition.latest = [EditionArticle(article=a, sort_order=n) for n, a in enumerate(articles)]
    make_magazine()
    return set_up_newsletters().add_child(instance=edition)


def make_member(
    email: str = "", *, verified: bool = True, wants: Iterable[str] = (), **fields: Any
) -> Member:
    """A member whose address is confirmed unless said otherwise, and who wants these letters; the
    password is `harbour-lamp`."""
    email = email or f"member{next(_numbers)}@example.org"
    member = Member.objects.create_user(email, "harbour-lamp", **fields)
    EmailAddress.objects.create(user=member, email=email, primary=True, verified=verified)
    give(member, wants, By.JOINING, now=member.joined_at)
    return member


def make_newsletters() -> tuple[Newsletter, Newsletter]:
    """The free newsletter, to every member, and The Daily Review, to subscribers."""
    free, _ = Newsletter.objects.get_or_create(
        slug="newsletter", defaults={"name": "The free newsletter", "audience": Audience.MEMBERS}
    )
    review, _ = Newsletter.objects.get_or_create(
        slug="daily-review",
        defaults={"name": "The Daily Review", "audience": Audience.SUBSCRIBERS, "position": 1},
    )
    return free, review


def make_staff(email: str = "") -> Member:
    """An editor with all the keys of the newsroom."""
    email = email or f"staff{next(_numbers)}@example.org"
    return make_member(email, is_staff=True, is_superuser=True)


def subscribe(member: Member, days: int = 30) -> Subscription:
    """All-Access from yesterday for so many days from now; a negative number: ended."""
    now = timezone.now()
    return Subscription.objects.create(
        member=member,
        starts_at=min(now, now + timedelta(days=days)) - timedelta(days=1),
        ends_at=now + timedelta(days=days),
    )


def at(text: str) -> datetime:
    """An aware moment from ISO text; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
