"""Telling the newsroom what readers searched and did not find, and nothing of who they are.

A browser reports a search without a result once it has stood for some seconds (a POST; searching
itself changes nothing). Counted here is how many networks reported the same search in one week:
by keyed digests in the table of rate limits, whose key is made for the week and thrown away with
it. Only what three networks reported in a week is written down, with no trace of them
(decision 0017).
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.db import transaction
from django.db.models import F

from standfirst.library.limits import exceeded
from standfirst.library.missed import worth_telling
from standfirst.library.models import Missed, Outcome
from standfirst.publication.queries import the_publication

NETWORKS = 3
KEPT = timedelta(days=183)
MOST = 10_000  # rows
NEW_A_DAY = 200  # rows that a day may add
OF_A_NETWORK = {"day": 30}  # reports that are listened to
OF_ALL = {"day": 3_000}  # bounds what is remembered within a week
A_WEEK = 8 * 86_400  # seconds; longer than any week, so that it ends by being thrown away
SALT = "library.missed"
STANDS_FOR = 3_600  # seconds in which a page may still report


def report_for(text: str, outcome: Outcome) -> str:
    """What a page may report of its search, signed, since a browser may say anything; "" for a
    search that is not told of."""
    said = worth_telling(text)
    return signing.dumps([said, outcome.value], salt=SALT, compress=True) if said else ""


def listen(report: str, network: str, now: datetime) -> bool:
    """Take note of a page's report from a network. Says whether the newsroom can see it now.
    Raises signing.BadSignature for what no page of ours said."""
    query, outcome = signing.loads(report, salt=SALT, max_age=STANDS_FOR)
    if exceeded(f"reports-{network}", OF_A_NETWORK) or exceeded("reports", OF_ALL):
        return False
    week = _week(now)
    key = _key(week)
    if not key or not cache.add(f"library-told-{week}-{_digest(key, query, network)}", 1, A_WEEK):
        return False
    name = f"library-told-{week}-{_digest(key, query)}"
    cache.add(name, 0, A_WEEK)
    try:
        networks = cache.incr(name)
    except ValueError:  # pushed out between the two
        return False
    if networks < NETWORKS:
        return False
    times = networks if networks == NETWORKS else 1
    return _write(query, outcome, times, now)


def _write(query: str, outcome: str, times: int, now: datetime) -> bool:
    today = now.astimezone(the_publication().zone).date()
    with transaction.atomic():
        rows = Missed.objects.filter(query=query)
        if not rows.update(times=F("times") + times, outcome=outcome, last=today):
            if exceeded("reports-new", {"day": NEW_A_DAY}):
                return False
            Missed.objects.get_or_create(
                query=query,
                defaults={"outcome": outcome, "times": times, "first": today, "last": today},
            )
    return True


def forget_missed(now: datetime) -> int:
    """Throw the keys of past weeks away; drop what nobody searched for half a year, and the rarest
    where there is more than a newsroom reads. Says how many rows."""
    for weeks in range(1, 5):
        cache.delete(_name_of_key(_week(now - timedelta(weeks=weeks))))
    count, _ = Missed.objects.filter(last__lt=now.date() - KEPT).delete()
    rarest = Missed.objects.order_by("-times", "-last", "pk").values_list("pk", flat=True)
    surplus = list(rarest[MOST : MOST + 1_000])
    return count + Missed.objects.filter(pk__in=surplus).delete()[0]


def _week(now: datetime) -> str:
    return now.strftime("%G-%V")


def _name_of_key(week: str) -> str:
    return f"library-told-key-{week}"


def _key(week: str) -> bytes:
    """The week's own key and the magazine's: neither alone says which network it was. Empty where
    the week's cannot be kept at present."""
    cache.add(_name_of_key(week), secrets.token_hex(32), A_WEEK)
    own = cache.get(_name_of_key(week))
    return f"{own} {settings.SECRET_KEY}".encode() if own else b""


def _digest(key: bytes, *parts: str) -> str:
    said = "\n".join(parts).encode()
    return hmac.new(key, said, hashlib.sha256).hexdigest()[:32]
