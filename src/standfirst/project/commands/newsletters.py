"""Addresses of newsletters.

import FILE   takes in a list of addresses (CSV in UTF-8) with the columns address, name, letters,
              date, source. Without --apply it only says what would become of each row. Nobody is
              mailed, and nobody who unsubscribed is put back. May be broken off and begun again
export        writes every address with what it said to each newsletter, and the proof, as CSV"""

import argparse
import sys
from pathlib import Path

HELP = "take addresses in with proof of consent, or take them away"
MOST_SHOWN = 50


def arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, dest="verb")
    taking = verbs.add_parser("import", help="take in a list of addresses")
    taking.add_argument("file", metavar="FILE", type=Path)
    taking.add_argument("--apply", action="store_true", help="let it be so")
    taking.set_defaults(do=_import)
    away = verbs.add_parser("export", help="write all addresses with their consent as CSV")
    away.set_defaults(do=_export)


def run(options: argparse.Namespace) -> int:
    from standfirst.project.cli import start_django

    start_django()
    done: int = options.do(options)
    return done


def _import(options: argparse.Namespace) -> int:
    from collections import Counter
    from itertools import islice

    from django.utils import timezone

    from standfirst.newsletters.importing.rules import Refused, Row, Unreadable, read, text_of
    from standfirst.newsletters.importing.taking_in import (
        AT_ONCE,
        TOLD,
        Became,
        letters_by_name,
        take_in,
        today_at,
    )
    from standfirst.project.cli import Problem

    now = timezone.now()
    counts: Counter[Became] = Counter()
    try:
        text = text_of(options.file.read_bytes())
        rows = read(text, letters_by_name(), today_at(now))
        while some := list(islice(rows, AT_ONCE)):
            for row in some:
                if isinstance(row, Refused):
                    counts[Became.REFUSED] += 1
                    if counts[Became.REFUSED] <= MOST_SHOWN:
                        print(f"Row {row.number}: {row.why}")
            usable = [row for row in some if isinstance(row, Row)]
            counts.update(take_in(usable, file=options.file.name, apply=options.apply, now=now))
            if sys.stderr.isatty():
                print(f"\r{some[-1].number:,} rows\x1b[K", end="", file=sys.stderr, flush=True)
    except OSError as error:
        raise Problem(f"{options.file} cannot be read: {error.strerror}.") from error
    except Unreadable as error:
        raise Problem(str(error)) from error
    finally:
        if sys.stderr.isatty():
            print(file=sys.stderr)
    if counts[Became.REFUSED] > MOST_SHOWN:
        print(f"and {counts[Became.REFUSED] - MOST_SHOWN:,} more rows that cannot be used.")
    for kind in Became:
        print(f"{counts[kind]:>9,} {TOLD[kind]}")
    if not options.apply:
        print("Nothing was changed. `--apply` takes them in.")
    return 0


def _export(options: argparse.Namespace) -> int:
    from standfirst.newsletters.exporting import consents_as_rows
    from standfirst.publication.spreadsheets import lines

    for line in lines(consents_as_rows()):
        sys.stdout.write(line)
    return 0
