"""How far an index is in the notes. Kept beside it, with each commit."""

import json
from dataclasses import dataclass, field
from time import time

from django.db.models import Max, Min, Q

from standfirst.library.models import Kind, Note

AT_ONCE = 1_000  # notes
# A note may become visible after one with a higher number: its transaction took longer, or it never
# comes, since the transaction failed.
MOST_MISSING, MISSING_FOR = 1_000, 3_600.0  # seconds


@dataclass(slots=True)
class Position:
    """`last`: the highest note that was read; `missing`: lower ones that were not there yet, with
    the time; `spread`: notes about many articles, as [kind, subject, last article that was done].
    """

    last: int = 0
    missing: dict[int, float] = field(default_factory=dict)
    spread: list[list[str | int]] = field(default_factory=list)

    @classmethod
    def read(cls, text: str) -> "Position":
        if not text:
            return cls()
        data = json.loads(text)
        missing = {int(pk): since for pk, since in data["missing"].items()}
        return cls(data["last"], missing, data["spread"])

    def write(self) -> str:
        return json.dumps({"last": self.last, "missing": self.missing, "spread": self.spread})

    @classmethod
    def now(cls) -> "Position":
        """After every note that can be seen now. Those that are on their way count as missing."""
        position = cls()
        newest = Note.objects.aggregate(newest=Max("pk"))["newest"] or 0
        position.last = max(0, newest - MOST_MISSING)
        position.pass_by(list(Note.objects.filter(pk__gt=position.last).order_by("pk")))
        position.last = newest
        position.spread = []
        return position

    def left_behind(self) -> bool:
        """Are notes gone that this index never read, or is this another database?"""
        ends = Note.objects.aggregate(oldest=Min("pk"), newest=Max("pk"))
        oldest, newest = ends["oldest"] or 0, ends["newest"] or 0
        return newest < self.last or oldest > self.last + 1

    def next_notes(self) -> list[Note]:
        """Notes that were not read yet, in order, a bounded number."""
        rows = Note.objects.filter(Q(pk__gt=self.last) | Q(pk__in=list(self.missing)))
        return list(rows.order_by("pk")[:AT_ONCE])

    def pass_by(self, notes: list[Note]) -> set[int]:
        """Take note of these as read. Gives the articles they name; those that are about many
        articles are put into `spread`."""
        now = time()
        read = {note.pk for note in notes}
        new = [pk for pk in read if pk > self.last]
        if new:
            first = max(self.last + 1, max(new) - MOST_MISSING)
            absent = {pk: now for pk in range(first, max(new)) if pk not in read}
            self.missing |= absent
            self.last = max(new)
        keep = {
            pk: since
            for pk, since in self.missing.items()
            if pk not in read and since > now - MISSING_FOR
        }
        self.missing = dict(sorted(keep.items())[-MOST_MISSING:])
        for note in notes:
            if note.kind != Kind.ARTICLE:
                many: list[str | int] = [note.kind, note.subject, 0]
                # From its beginning, also where an earlier one is half done.
                self.spread = [row for row in self.spread if row[:2] != many[:2]] + [many]
        return {note.subject for note in notes if note.kind == Kind.ARTICLE}
