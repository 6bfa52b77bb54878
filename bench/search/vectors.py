"""Vectors of a judged set's texts, computed once and kept for the next run."""

import time
from pathlib import Path

from bench.search.sets import Text


class Vectors:
    """Of these texts; `nearest` as the library has it. Says what computing took, if it was done."""

    def __init__(self, texts: list[Text], kept: Path, name: str) -> None:
        from standfirst.library.semantic.model import load
        from standfirst.library.semantic.store import Rows

        self._embedder = load(kept, threads=1)
        self._rows = Rows(kept / name, self._embedder.name, self._embedder.size)
        self.seconds, self.computed, self.passages = 0.0, 0, 0
        held = self._rows.held()
        missing = [(key, text) for key, text in enumerate(texts, 1) if key not in held]
        for start in range(0, len(missing), 100):
            self._add(missing[start : start + 100])
            print(f"{name}: {len(held) + start + 100:,} of {len(texts):,}", end="\r", flush=True)

    def _add(self, some: list[tuple[int, Text]]) -> None:
        from standfirst.library.semantic.passages import passages

        new = {}
        for key, text in some:
            began = time.thread_time()
            parts = passages(text.title, text.paragraphs)
            new[key] = (0, self._embedder.vectors(parts).astype("<f2").tobytes())
            self.seconds += time.thread_time() - began
            self.computed, self.passages = self.computed + 1, self.passages + len(parts)
        self._rows.change([], new)

    def nearest(self, words: str) -> list[int]:
        from standfirst.library.semantic.meaning import DEEP, LEAST

        return self._rows.nearest(self._embedder.vectors([words])[0], DEEP, LEAST)
