"""Who writes an index in the cluster, and how far it is: one document of the index, STATE, which is
no article. Of all hosts, the one whose name stands there writes."""

import logging
import time
from typing import Any

from standfirst.library.engine import Busy, Gone
from standfirst.library.engines.wire import Answer, Conflict, Wire, understood

log = logging.getLogger("standfirst.library")

STATE = "state"  # the document's id, and its only field
SILENT = 15.0  # seconds without a sign of who writes, after which another may
SIGN = 3.0  # seconds between two signs

Mark = tuple[int, int]

# When the state of an index, by its handle, was last seen to change; by this process's clock.
_changed: dict[str, tuple[Mark, float]] = {}


class Lease:
    """The right to write an index, taken, kept and given back by `who`.

    Each state is written in place of the one that was written last, and of no other; so who was
    thought to be gone and comes back learns that another writes. `epoch` counts the writers: every
    article is written as of its writer's epoch, and the cluster refuses an earlier one.
    """

    def __init__(self, wire: Wire, handle: str, who: str) -> None:
        self._wire, self._handle, self._who = wire, handle, who
        self._mark: Mark | None = None
        self._signed = 0.0
        self._state: dict[str, Any] = {}

    @property
    def held(self) -> bool:
        """Is it ours, as far as we know?"""
        return self._mark is not None

    @property
    def epoch(self) -> int:
        """Which writer of this index we are."""
        return int(self._state["epoch"])

    def take(self) -> None:
        """Whoever wrote before is believed to be gone when they said so, or gave no sign for SILENT
        seconds. (Another process of this host is gone, or its lock would be held.) Raises Busy."""
        mark, state = self._read()
        if mark is not None and state.get("writer") not in {"", self._who}:
            seen, since = _changed.get(self._handle, (None, 0.0))
            if seen != mark:
                seen, since = _changed[self._handle] = (mark, time.monotonic())
            if time.monotonic() - since < SILENT:
                raise Busy("another host writes this index")
            log.warning("%s gives no sign any more; this host writes now.", state.get("writer"))
        self._mark = mark
        epoch = int(state.get("epoch", 0)) + 1
        self._state = {"position": "", "after": 0, **state, "epoch": epoch, "writer": self._who}
        self._write()

    def sign_is_due(self) -> bool:
        """Should we give the sign that others wait for?"""
        return self._mark is None or time.monotonic() - self._signed > SIGN

    def note(self, **changed: Any) -> None:
        """Give it, and remember `position` or `after`. Raises Busy where another writes now."""
        if self._mark is None:
            raise Busy("another host writes this index now")
        self._state |= changed
        self._write()

    def lost(self) -> Busy:
        """Another writes, as an answer of the cluster said."""
        self._mark = None
        return Busy("another host writes this index now")

    def give_back(self) -> None:
        """Say that another may write. Raises Busy where another does already."""
        if self._mark is None:
            return
        try:
            self.note(writer="")
        except Gone as error:
            log.debug("An index was gone before it was closed: %s", error)
        finally:
            self._mark = None

    def get(self, name: str, default: Any) -> Any:
        """What is remembered: by us, or by whoever writes."""
        state = self._state if self.held else self._read()[1]
        return state.get(name, default)

    def _read(self) -> tuple[Mark | None, dict[str, Any]]:
        answer = self._wire.ask("GET", f"/{self._handle}/_doc/{STATE}")
        with understood():
            if not answer["found"]:
                return None, {}
            return _mark_of(answer), dict(answer["_source"][STATE])

    def _write(self) -> None:
        params: dict[str, Any] = {"op_type": "create"}
        if self._mark:
            params = {"if_seq_no": self._mark[0], "if_primary_term": self._mark[1]}
        path = f"/{self._handle}/_doc/{STATE}"
        try:
            answer = self._wire.ask("PUT", path, {STATE: self._state}, require_alias=True, **params)
        except Conflict as error:
            raise self.lost() from error
        with understood():
            self._mark, self._signed = _mark_of(answer), time.monotonic()


def _mark_of(answer: Answer) -> Mark:
    return int(answer["_seq_no"]), int(answer["_primary_term"])
