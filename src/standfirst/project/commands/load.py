"""Load articles from files of JSON lines, plain or packed with gzip: one object a line with
id, title, authors, date, topics, kind and body (paragraphs of the body on lines of their own).

May be repeated and interrupted at any time: known articles are skipped, changed ones become a new
revision. Lines that cannot be used are listed at the end, and the exit code is then 1."""

import argparse
import sys
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from standfirst.articles.load import Report

HELP = "load articles from JSON lines"
MOST_SHOWN = 20


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path, help=".jsonl or .jsonl.gz")
    parser.add_argument(
        "--date-for-undated",
        metavar="YYYY-MM-DD",
        type=date.fromisoformat,
        default=date(2000, 1, 1),
        help="publication day of articles without a date (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    from standfirst.project.cli import Problem, start_django

    for file in options.files:
        if not file.is_file():
            raise Problem(f"there is no file {file}.")
    start_django()
    from standfirst.articles.load import Loader
    from standfirst.articles.models import ArticleIndex

    if not ArticleIndex.objects.exists():
        raise Problem("the magazine has no first pages yet. Run `standfirst prepare`.")
    report = None
    for file in options.files:
        bar = Progress(file.name)
        loader = Loader(undated=options.date_for_undated, progress=bar.show)
        try:
            part = loader.load(file)
        except (OSError, EOFError) as error:
            bar.end()
            raise Problem(
                f"{file} cannot be read to its end: {error}. What came before is loaded."
            ) from error
        bar.end()
        report = part if report is None else _sum(report, part)
    assert report is not None  # noqa: S101  there is at least one file
    print(
        f"{report.added:,} added, {report.updated:,} updated, {report.unchanged:,} unchanged, "
        f"{len(report.bad):,} bad."
    )
    for name, number, reason in report.bad[:MOST_SHOWN]:
        print(f"  {name}, line {number}: {reason}.", file=sys.stderr)
    if len(report.bad) > MOST_SHOWN:
        print(f"  … and {len(report.bad) - MOST_SHOWN:,} more.", file=sys.stderr)
    return 1 if report.bad else 0


def _sum(one: "Report", other: "Report") -> "Report":
    one.added += other.added
    one.updated += other.updated
    one.unchanged += other.unchanged
    one.bad += other.bad
    return one


class Progress:
    """One line on the terminal: how many, how fast, how long yet. Silent where there is none."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._began = time.monotonic()
        self._shown = False

    def show(self, report: "Report", share: float) -> None:
        """Say how far a load is; `share` is between 0 and 1."""
        self._line(report.read, share)

    def show_count(self, done: int, of: int) -> None:
        """The same where the number is known beforehand."""
        self._line(done, done / of)

    def _line(self, done: int, share: float) -> None:
        if not sys.stderr.isatty():
            return
        passed = max(0.001, time.monotonic() - self._began)
        left = passed / share - passed if share > 0.001 else 0
        print(
            f"\r{self._name}: {done:,} articles, {done / passed:,.0f} a second, "
            f"{share:.0%}, {left // 60:.0f}:{left % 60:02.0f} left \x1b[K",
            end="",
            file=sys.stderr,
            flush=True,
        )
        self._shown = True

    def end(self) -> None:
        """Leave the line standing."""
        if self._shown:
            print(file=sys.stderr)
