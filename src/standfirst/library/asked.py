"""What a search page was asked for: the parts of its address, read forgivingly, and written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import QueryDict

from standfirst.library.engine import FACETS, Order
from standfirst.library.rules import LONGEST, period
from standfirst.publication.rules import start_of

MOST_CHOSEN = 20  # values of one facet
LAST_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`chosen` maps facets to values as they stand in addresses: slugs, formats, years. `since` and
    `until` are as they were typed. `exactly`: no spelling is corrected."""

    text: str = ""
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)
    since: str = ""
    until: str = ""
    order: Order = Order.RELEVANCE
    page: int = 1
    exactly: bool = False

    @classmethod
    def of(cls, query: QueryDict) -> "Asked":
        """Read an address. What cannot be understood is as if it were not there."""
        page = query.get("page", "")
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 9 else 1
        return cls(
            text=" ".join(query.get("q", "").replace("\x00", " ").split())[: LONGEST + 1],
            chosen={
                facet: values
                for facet in FACETS
                if (values := [v for v in query.getlist(facet) if _may_be(v)][:MOST_CHOSEN])
            },
            since=query.get("from", "").strip()[:10],
            until=query.get("to", "").strip()[:10],
            order=Order.NEWEST if query.get("sort") == Order.NEWEST else Order.RELEVANCE,
            page=max(1, number),
            exactly=query.get("exactly") == "1",
        )

    def __bool__(self) -> bool:
        """Is anything asked for at all?"""
        return bool(self.text or self.chosen or self.since or self.until)

    def span(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """The moments from and before which something was published; None: no bound."""
        since, until = period(self.since), period(self.until)
        return (
            start_of(since[0], zone) if since else None,
            start_of(until[1], zone) if until else None,
        )

    @property
    def undated(self) -> list[str]:
        """What stands where dates belong and is none; it bounds nothing."""
        return [text for text in (self.since, self.until) if text and not period(text)]

    def address(self, **other: object) -> str:
        """The query string of this, with some parts replaced; on the first page unless said."""
        it = replace(self, **{"page": 1, **other})  # type: ignore[arg-type]
        parts: list[tuple[str, str]] = [("q", it.text)]
        parts += [(facet, value) for facet, values in it.chosen.items() for value in values]
        parts += [("from", it.since), ("to", it.until)]
        parts += [("sort", it.order if it.order is Order.NEWEST else "")]
        parts += [("exactly", "1" if it.exactly else "")]
        parts += [("page", str(it.page) if it.page > 1 else "")]
        return "?" + urlencode([(name, value) for name, value in parts if value or name == "q"])


def _may_be(value: str) -> bool:
    """May this be a facet's value? PostgreSQL refuses to be asked for the character 0."""
    return 0 < len(value) < 256 and "\x00" not in value
