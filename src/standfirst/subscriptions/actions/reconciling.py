"""Everything compared with what the provider says, and brought in line where that is wanted.

The walk goes page by page and keeps no list, so that memory stays the same however many there are.
What it read may be old when it is looked at: a difference is told, and mended, only after the
provider was asked again, through the numbered readings of `following`.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import Count, QuerySet
from django.utils import timezone

from standfirst.publication.queries import remembered
from standfirst.subscriptions.actions import moving_in, telling
from standfirst.subscriptions.actions.following import (
    Unknown,
    as_told,
    bill_differs,
    differs,
    follow,
    follow_bill,
)
from standfirst.subscriptions.models import Bill, Reconciliation, Subscription
from standfirst.subscriptions.providers.base import BillTold, Provider, Told
from standfirst.subscriptions.rules import RUNNING

BATCH = 100
BY = "reconciling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be done about differences. `since` leaves out what began, or was billed, before;
    `until` is when to stop."""

    mend: bool = False
    adopt: bool = False
    lost: bool = False
    mail: bool = False
    by: str = BY
    since: datetime | None = None
    until: datetime | None = None


LOOKED_FOR = 20  # of ours, before it is believed that the key is another account's


class TooLate(Exception):  # noqa: N818
    """The time that was given is over."""


class Reconciler:
    """One comparison with one provider. `tell` is given each difference as a sentence, `progress`
    what was counted so far after every page."""

    def __init__(
        self,
        provider: Provider,
        wanted: Wanted,
        *,
        tell: Callable[[str], None] = lambda sentence: None,
        progress: Callable[[Reconciliation], None] = lambda found: None,
        found: Reconciliation | None = None,
    ) -> None:
        self._provider, self._wanted, self._now = provider, wanted, timezone.now()
        self._tell, self._progress = tell, progress
        self.found = found or Reconciliation(provider=provider.name)
        self.elsewhere = self.adopted = self.over = 0

    def run(self) -> Reconciliation:
        """Compare everything. What was found is kept, also where it ended early.

        Raises Unreachable and Refused, and TooLate after `until`.
        """
        try:
            with closing(sqlite3.connect("")) as seen, remembered():  # a file that nobody sees
                seen.execute("create table seen (id text primary key) without rowid")
                if self._is_another_account():
                    # Members' numbers may be told there too, and mean other people.
                    self._differs(telling.another_account(self._provider.name), False)
                    self._wanted = replace(self._wanted, mend=False, adopt=False, lost=False)
                self._all_subscriptions(seen)
                self._all_bills()
                if not self._wanted.since:
                    self._lost(seen)
            self._doubles()
        except BaseException as error:
            self.found.trouble = str(error) or f"It was ended ({type(error).__name__})."
            raise
        finally:
            self.found.ended_at = timezone.now()
            self.found.save()
        return self.found

    def _is_another_account(self) -> bool:
        """Does the provider know none of the newest of ours? Then mostly the key is wrong."""
        newest = self._ours().exclude(provider_id="").order_by("-pk")
        ids = list(newest.values_list("provider_id", flat=True)[:LOOKED_FOR])
        return bool(ids) and all(self._provider.read_subscription(id) is None for id in ids)

    def _next(self) -> None:
        """After a page."""
        self._progress(self.found)
        if self._wanted.until and timezone.now() > self._wanted.until:
            raise TooLate("The time for it was over before everything was compared.")

    def _differs(self, sentence: str, mended: bool) -> None:
        self._tell(f"{sentence} {'Mended.' if mended else ''}".rstrip())
        if mended:
            self.found.mended += 1
        else:
            self.found.left += 1

    # -- subscriptions --------------------------------------------------------------------------

    def _all_subscriptions(self, seen: sqlite3.Connection) -> None:
        for page in _pages(self._provider.subscriptions()):
            seen.executemany("insert or ignore into seen values (?)", [(one.id,) for one in page])
            since = self._wanted.since
            wanted = [one for one in page if not since or one.dates.starts_at >= since]
            rows = self._ours().filter(provider_id__in=[one.id for one in wanted])
            ours = {row.provider_id: row for row in rows}
            for told in wanted:
                self.found.subscriptions += 1
                row = ours.get(told.id)
                if row is None and self._is_over(told):
                    self.over += 1
                elif row is None or row.member_id is None or differs(self._provider, row, told):
                    self._subscription(told.id)
            self._next()
            if since and not wanted:  # newest first
                return

    def _is_over(self, told: Told) -> bool:
        """Bought elsewhere, and opens nothing any more: there may be many, and none is asked for
        again."""
        return not (
            moving_in.is_worth_it(told, self._now) or moving_in.is_known(self._provider, told)
        )

    def _ours(self) -> QuerySet[Subscription]:
        rows = Subscription.objects.filter(provider=self._provider.name)
        return rows.select_related("member", "price", "plan")

    def _subscription(self, id: str) -> None:
        """Look again at one that seemed to differ."""
        told, ours = self._provider.read_subscription(id), self._ours()
        row = ours.filter(provider_id=id).first()
        if told is None:
            return  # gone meanwhile
        if row is None and not moving_in.is_known(self._provider, told):
            self._elsewhere(told)
            return
        if row is None:
            said = telling.unknown(told)
        else:
            fields = differs(self._provider, row, told)
            row = ours.get(provider_id=id)  # as it was: comparing fills it in
            if not fields:
                if row.member_id is None and not row.entries.exclude(member=None).exists():
                    self._elsewhere(told)
                return
            said = telling.difference(row, as_told(self._provider, told), fields)
        if self._wanted.mend:
            try:
                follow(self._provider, id, by=self._wanted.by, why="The provider said otherwise.")
            except Unknown:
                return  # gone meanwhile
        self._differs(said, self._wanted.mend)

    def _elsewhere(self, told: Told) -> None:
        """One that has no member: bought elsewhere, before the publisher moved in."""
        if not moving_in.is_worth_it(told, timezone.now()):
            self.over += 1
            return
        self.elsewhere += 1
        if not self._wanted.adopt:
            self._differs(telling.bought_elsewhere(told), False)
            return
        try:
            who = moving_in.adopt(self._provider, told, mail=self._wanted.mail, by=self._wanted.by)
        except Unknown:
            return  # gone meanwhile
        if who is None:
            self._differs(telling.cannot_adopt(told), False)
            return
        self.adopted += 1
        self._differs(f"{telling.bought_elsewhere(told)} Joined to {who.email}.", True)

    def _lost(self, seen: sqlite3.Connection) -> None:
        """Ours that the provider did not name, and does not know when asked for."""
        running = self._ours().filter(state__in=[one.value for one in RUNNING])
        for page in _pages(running.order_by("pk").iterator(BATCH)):
            for row in page:
                if seen.execute("select 1 from seen where id = ?", [row.provider_id]).fetchone():
                    continue
                if self._provider.read_subscription(row.provider_id) is not None:
                    continue  # begun while we walked
                done = self._wanted.lost and moving_in.let_run_out(row, by=self._wanted.by)
                self._differs(telling.lost(row), done)
            self._next()

    # -- bills ----------------------------------------------------------------------------------

    def _all_bills(self) -> None:
        since = self._wanted.since
        for page in _pages(self._provider.bills()):
            wanted = [one for one in page if not since or one.issued_at >= since]
            rows = Bill.objects.filter(
                provider=self._provider.name, provider_id__in=[one.id for one in wanted]
            )
            ours = {row.provider_id: row for row in rows}
            known = set(
                self._ours()
                .filter(provider_id__in=[one.subscription for one in wanted])
                .values_list("provider_id", flat=True)
            )
            for told in wanted:
                if told.subscription not in known:
                    continue  # told of already, with its subscription
                self.found.bills += 1
                row = ours.get(told.id)
                if row is None or bill_differs(row, told):
                    self._bill(told)
            self._next()
            if since and not wanted:
                return

    def _bill(self, old: BillTold) -> None:
        told = self._provider.read_bill(old.id)
        row = Bill.objects.filter(provider=self._provider.name, provider_id=old.id).first()
        if told is None or (row and not bill_differs(row, told)):
            return
        if self._wanted.mend:
            try:
                follow_bill(self._provider, told.id, by=self._wanted.by)
            except Unknown:
                return
        self._differs(telling.bill(row, told), self._wanted.mend)

    # -- members --------------------------------------------------------------------------------

    def _doubles(self) -> None:
        """Members with two that run: they may be paying twice."""
        running = self._ours().filter(state__in=[one.value for one in RUNNING])
        several = (
            running.exclude(member=None)
            .values("member", "member__email")
            .annotate(times=Count("pk"))
            .filter(times__gt=1)
            .order_by("member")
        )
        for one in several.iterator():
            self._differs(telling.several(one["member__email"], one["times"]), False)


def _pages(things: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(things)
    while page := list(islice(left, BATCH)):
        yield page
