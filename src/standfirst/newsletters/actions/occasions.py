"""Letters that no editor writes: a welcome, the choices of a new month, alerts. Each once."""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from standfirst.articles.models import Article, Author, Topic
from standfirst.members.consent import ALERTS, CHOICES, By
from standfirst.members.models import ConsentEntry, Member
from standfirst.newsletters.actions.sending import begin
from standfirst.newsletters.delivery.freezing import MEMBER, SUBSCRIBER
from standfirst.newsletters.letters import compose_alert, compose_choices
from standfirst.newsletters.models import (
    Alerted,
    Audience,
    Follow,
    Sending,
    SendingKind,
    Welcomed,
)
from standfirst.newsletters.senders import from_header, reply_to_of
from standfirst.publication.queries import the_publication
from standfirst.publication.rules import month_of, start_of
from standfirst.publication.statements import transaction_in_turn

log = logging.getLogger("standfirst.newsletters")

CHOICES_FROM, CHOICES_UNTIL = timedelta(hours=9), timedelta(days=3)
# A minute or two to take a slip back, before mail tells of it; what is older is no news.
ALERT_AFTER, ALERT_WITHIN = timedelta(minutes=5), timedelta(days=2)
WELCOME_WITHIN = timedelta(days=30)
_AT_ONCE = 500


# -- when a month begins ------------------------------------------------------------------------


def choices_due(now: datetime) -> Sending | None:
    """Tell those who wish it, and don't subscribe, of the new month's choices: in the morning of
    its first day where the publication is, or up to two days later where the worker was away.

    `now` is aware. Gives the sending that began now, or None.
    """
    publication = the_publication()
    month = month_of(now, publication.zone)
    since = now - start_of(month, publication.zone)
    if not publication.allowance or not CHOICES_FROM <= since < CHOICES_UNTIL:
        return None
    key = f"choices:{month:%Y-%m}"
    if Sending.objects.filter(key=key).exists():
        return None
    return begin(
        SendingKind.CHOICES,
        key,
        {MEMBER: compose_choices(publication, month)},
        consent=CHOICES,
        sender=from_header(None),
        reply_to=reply_to_of(None),
        now=now,
    )


# -- what readers follow ------------------------------------------------------------------------


def alerts_due(now: datetime) -> int:
    """Tell followers of every article that readers may know of since lately. Says of how many.

    An article is told of once, to everybody who follows one of its topics or authors at that
    moment, by one letter. What cannot be told is logged, tried again at the next call, and holds up
    no other. `now` is aware.
    """
    lately = Article.objects.filter(
        ~Exists(Alerted.objects.filter(article=OuterRef("pk"))),
        live=True,
        published_at__gt=now - ALERT_WITHIN,
        published_at__lte=now - ALERT_AFTER,
    )
    told = 0
    for pk in list(lately.order_by("published_at").values_list("pk", flat=True)):
        try:
            told += _tell_of(pk, now)
        except Exception:
            log.exception("Followers could not be told of article %s", pk)
    return told


def _tell_of(pk: int, now: datetime) -> bool:
    with transaction_in_turn():
        article = Article.objects.filter(pk=pk, live=True).first()
        if article is None:  # it was taken back since, and may come again
            return False
        # Whoever's row it is tells; another worker waits for it, and then has nothing to do.
        _, mine = Alerted.objects.get_or_create(article=pk, defaults={"at": now})
        if not mine:
            return False
        followed = followed_in(article)
        if not followed:
            return False
        letter = compose_alert(article, *followed)
        begin(
            SendingKind.ALERT,
            f"alert:{pk}",
            {MEMBER: letter, SUBSCRIBER: letter},
            consent=ALERTS,
            sender=from_header(None),
            reply_to=reply_to_of(None),
            audience=Audience.TOPIC,
            topics=[one.pk for one in followed if isinstance(one, Topic)],
            authors=[one.pk for one in followed if isinstance(one, Author)],
            now=now,
        )
    return True


def followed_in(article: Article) -> list[Topic | Author]:
    """The article's authors and topics that anybody follows, in its order."""
    authors = [byline.author for byline in article.bylines.select_related("author")]
    by = set(Follow.objects.filter(author__in=authors).values_list("author", flat=True))
    topics = list(article.topics.all())
    on = set(Follow.objects.filter(topic__in=topics).values_list("topic", flat=True))
    return [
        *(one for one in authors if one.pk in by),
        *(one for one in topics if one.pk in on),
    ]


def do_not_alert(articles: Collection[int], now: datetime) -> None:
    """Articles (numbers) that came all at once tell nobody: not now, and not when a later one of
    them becomes public."""
    numbers = list(articles)
    for first in range(0, len(numbers), _AT_ONCE):
        some = Article.objects.filter(pk__in=numbers[first : first + _AT_ONCE])
        old = now - ALERT_WITHIN
        fresh = some.exclude(published_at__lte=old).values_list("pk", flat=True)
        rows = [Alerted(article=pk, at=now) for pk in fresh]
        Alerted.objects.bulk_create(rows, ignore_conflicts=True)


# -- after joining ------------------------------------------------------------------------------


def is_to_be_welcomed(member: int, now: datetime) -> bool:
    """Note that a member gets the welcome now: whoever joined by their own hand, the first time
    that they confirm an address. Says whether they do; it is said once."""
    found = Member.objects.filter(pk=member, joined_at__gt=now - WELCOME_WITHIN).first()
    if found is None:
        return False
    if not ConsentEntry.objects.filter(member=member, by=By.JOINING).exists():
        return False  # somebody else made the account
    with transaction.atomic():
        _, new = Welcomed.objects.get_or_create(member=member, defaults={"at": now})
    return new
