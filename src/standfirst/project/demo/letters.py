"""The sample's newsletters: past editions as they would have gone out, and today's, which waits for
the editor's approval."""

import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction

from standfirst.articles.models import Article
from standfirst.members.models import Member
from standfirst.newsletters.actions.drafting import draft_today
from standfirst.newsletters.actions.setting_up import set_up_newsletters
from standfirst.newsletters.models import Audience, Edition, EditionArticle, Newsletter, Turn
from standfirst.newsletters.models.editions import title_of
from standfirst.newsletters.queries import as_written, fingerprint
from standfirst.newsletters.rules import Rhythm, due_on
from standfirst.project.demo.sample import CONTENT, working_day
from standfirst.project.demo.text import inline
from standfirst.publication.queries import the_publication

DAILY, WEEKLY = "daily-review", "newsletter"
NEWSLETTERS: tuple[dict[str, Any], ...] = (
    {
        "slug": DAILY,
        "name": "The Daily Review",
        "description": "Our take on the day’s most important news, every working day at six.",
        "audience": Audience.SUBSCRIBERS,
        "terms": "subscribers",
        "weekdays": "12345",
        "hour": time(6),
        "position": 1,
    },
    {
        "slug": WEEKLY,
        "name": "The Meridian Weekly",
        "description": "What mattered, in five minutes, on Fridays. Free.",
        "audience": Audience.MEMBERS,
        "terms": "members",
        "weekdays": "5",
        "hour": time(7),
        "position": 2,
    },
)
PAST = 4  # editions of The Daily Review, besides two of the weekly


def make_newsletters(now: datetime) -> None:
    """Make newsletters and their editions, where there are none; `now` is an aware datetime."""
    if Newsletter.objects.exists():
        return
    now = now.astimezone(the_publication().zone)
    with transaction.atomic():
        set_up_newsletters()
        daily, weekly = (Newsletter.objects.create(**told, since=now) for told in NEWSLETTERS)
        for number in range(PAST, 0, -1):
            _sent(daily, working_day(now.date(), number), f"daily-{number}", now)
        last_friday = now.date() - timedelta(days=(now.date().weekday() - 4) % 7 or 7)
        for number in (2, 1):
            day = last_friday - timedelta(weeks=number - 1)
            _sent(weekly, day, f"weekly-{number}", now)
        turn = draft_today(daily, by=None, now=now)
        _write(turn.edition, "daily-0", turn.day)


def _read(name: str) -> Mapping[str, Any]:
    return tomllib.loads((CONTENT / "editions" / f"{name}.toml").read_text(encoding="utf-8"))


def _fill(edition: Edition, name: str, day: date) -> None:
    said = _read(name)
    edition.subject = said["subject"]
    edition.take = [("item", {**item, "text": _rich(item["text"])}) for item in said["take"]]
    edition.radar = [
        ("item", {"day": day + timedelta(days=item["in_days"]), "text": _rich(item["text"])})
        for item in said.get("radar", [])
    ]
    edition.more = _rich(said["more"]["text"])


def _rich(text: str) -> str:
    """Paragraphs, and lines that begin with a dash as a list."""
    html = []
    for chunk in filter(None, (part.strip() for part in text.split("\n\n"))):
        if chunk.startswith("- "):
            items = (inline(line.removeprefix("- ")) for line in chunk.splitlines())
            html.append("<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>")
        else:
            html.append(f"<p>{inline(chunk)}</p>")
    return "".join(html)


def _write(edition: Edition | None, name: str, day: date) -> None:
    """What an editor wrote in a draft."""
    if edition is None:
        return
    draft = as_written(edition)
    _fill(draft, name, day)
    draft.save_revision(user=_editor(), log_action=True)


def _sent(newsletter: Newsletter, day: date, name: str, now: datetime) -> None:
    """An edition of a day gone by, as if it had been drafted, approved and sent then."""
    zone = the_publication().zone
    rhythm = Rhythm(weekdays=frozenset({day.isoweekday()}), hour=newsletter.hour, zone=zone)
    due = due_on(day, rhythm)
    if due is None or due.at > now:
        return
    drafted_at = due.at - newsletter.drafted_before
    days = 7 if newsletter.slug == WEEKLY else 3 if day.isoweekday() == 1 else 1
    between = (drafted_at - timedelta(days=days), drafted_at)
    articles = Article.objects.filter(live=True, published_at__range=between)
    picked = list(articles.order_by("-published_at").values_list("pk", flat=True)[:6])
    title = title_of(newsletter, day)
    edition = Edition(
        newsletter=newsletter,
        day=day,
        title=title,
        slug=f"{newsletter.slug}-{day.isoformat()}",
        live=False,
        owner=_editor(),
    )
    _fill(edition, name, day)
    edition.latest = [EditionArticle(article_id=pk, sort_order=n) for n, pk in enumerate(picked)]
    set_up_newsletters().add_child(instance=edition)
    edition.save_revision(log_action=True).publish()
    Edition.objects.filter(pk=edition.pk).update(
        first_published_at=due.at, last_published_at=due.at
    )
    Turn.objects.create(
        newsletter=newsletter,
        day=day,
        due_at=due.at,
        edition=edition,
        drafted_at=drafted_at,
        offered=picked,
        approved_at=due.at - timedelta(minutes=40),
        approved_by=_editor(),
        approved=fingerprint(Edition.objects.get(pk=edition.pk)),
        begun_at=due.at,
    )


def _editor() -> Member | None:
    return Member.objects.filter(is_superuser=True).order_by("pk").first()
