"""Look after the search index: this host's own, or the one in the cluster that SEARCH_URL names.

check     compares every article of the database with the index; what differs is indexed anew
rebuild   builds an index beside the live one, verifies it, and puts it in its place
embed     computes what articles are found by in meaning (LIBRARY_SEMANTIC); the worker does it too
related   finds anew what every article leads on to ("Read next")

All may be stopped at any time; rebuild, embed and related go on where they were stopped."""

import argparse
import sys
import time

HELP = "check or rebuild the search index; find anew what is related, or found by meaning"
WAIT = 30.0  # seconds in which the worker should have mended what was found


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["check", "rebuild", "embed", "related"])


def run(options: argparse.Namespace) -> int:
    from standfirst.project.cli import Problem, start_django

    start_django()
    from standfirst.library.engine import Broken, Busy, Unreachable
    from standfirst.library.house import no_room

    try:
        todo = {"check": _check, "rebuild": _rebuild, "embed": _embed, "related": _related}
        return todo[options.what]()
    except Busy as error:
        raise Problem(f"{error}. Try again when it has ended.") from error
    except Broken as error:
        step = no_room() or " Run `standfirst library rebuild`."
        raise Problem(f"{error}.{step}") from error
    except Unreachable as error:
        raise Problem(f"{error}. See SEARCH_URL, then try again.") from error
    except OSError as error:
        step = no_room() or " See LIBRARY."
        raise Problem(f"the folder of the index cannot be used: {error}.{step}") from error


def _rebuild() -> int:
    from standfirst.library.build import build
    from standfirst.project.commands.load import Progress

    began, bar = time.monotonic(), Progress("Indexing")
    try:
        built = build(progress=bar.show_count)
    finally:
        bar.end()
    before = f", {built.resumed:,} of them before it was stopped" if built.resumed else ""
    print(f"{built.articles:,} articles indexed in {time.monotonic() - began:.1f} s{before}.")
    return 0


def _embed() -> int:
    from standfirst.library import house
    from standfirst.library.models import Vectors
    from standfirst.library.semantic.embedding import compute, forget, write
    from standfirst.library.semantic.model import lacking, load
    from standfirst.project.cli import Problem
    from standfirst.project.commands.load import Progress

    if why := lacking():
        raise Problem(why)
    from standfirst.library.semantic.store import Rows

    began, bar, count = time.monotonic(), Progress("Computing"), 0
    with house.only_one("embedding"):
        embedder = load(house.root(), threads=2)
        try:
            count = compute(embedder, bar.show_count)
        except KeyboardInterrupt:
            print("\nStopped; the same command goes on from here.", file=sys.stderr)
            return 130
        finally:
            bar.end()
        forget()
        write(Rows(house.root() / "vectors", embedder.name, embedder.size), embedder.name)
    held = Vectors.objects.filter(model=embedder.name).count()
    spent = time.monotonic() - began
    print(f"{count:,} articles brought up to date in {spent:.1f} s; {held:,} in all.")
    return 0


def _check() -> int:
    from standfirst.library import house
    from standfirst.library.actions import note
    from standfirst.library.build import differing
    from standfirst.project.commands.load import Progress

    bar = Progress("Comparing")
    index = house.live()
    try:
        wrong = differing(index, bar.show_count)
    finally:
        bar.end()
    if not wrong:
        print(f"All is well: {index.count():,} articles.")
        return 0
    print(f"{len(wrong):,} articles differ; they are indexed anew …", file=sys.stderr)
    note(*wrong)  # the worker reads this, and every other host's too
    until = time.monotonic() + WAIT
    while time.monotonic() < until:
        _index_here()
        if not differing(house.live()):
            print(f"{len(wrong):,} articles mended.")
            return 0
        time.sleep(0.5)
    print("They still differ. Run `standfirst library rebuild`.", file=sys.stderr)
    return 1


def _related() -> int:
    from standfirst.library import house
    from standfirst.library.related import renew_all
    from standfirst.project.commands.load import Progress

    _index_here()
    began, bar = time.monotonic(), Progress("Relating")
    try:
        count = renew_all(house.live(), bar.show_count)
    finally:
        bar.end()
    print(f"What {count:,} articles lead on to was found in {time.monotonic() - began:.1f} s.")
    return 0


def _index_here() -> None:
    """Do what the worker would do, where none runs on this host."""
    from contextlib import closing

    from standfirst.library import house
    from standfirst.library.indexer import Indexer

    try:
        with house.only_one("writing"), closing(Indexer()) as indexer:
            while indexer.step(relating=False):
                pass
    except house.Busy:
        return
