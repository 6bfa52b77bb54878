"""Do what happens behind readers' backs: mail, scheduled publishing, the library's index, what
providers of payments tell, tidying up. One on every host that serves; more than one does no harm.
Ctrl-C stops it after the job at hand."""

import argparse

HELP = "send mail, publish on time, index for search, tidy up"


def arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(options: argparse.Namespace) -> int:
    from standfirst.project.cli import Problem, start_django

    start_django()
    from django.db import DatabaseError

    from standfirst.library.indexer import in_background, indexing
    from standfirst.library.semantic.embedding import embedding
    from standfirst.project.checks import pending_migrations
    from standfirst.project.worker import Worker
    from standfirst.subscriptions.jobs.listening import Hearing, Nights

    try:
        if pending_migrations():
            raise Problem("the tables do not fit this version. Run `standfirst prepare`.")
    except DatabaseError:
        pass  # the worker waits until the database is there
    payments = in_background("hearing", Hearing()), in_background("nights", Nights())
    with indexing(), embedding(), payments[0], payments[1]:
        Worker().run()
    return 0
