"""What providers of payments told us, and what became of it.

events      lists what was told lately; --parked: only what could not be handled; --again ID (or
            all): let what is parked be handled once more, by the worker"""

import argparse

HELP = "what providers of payments told, and what became of it"
MOST_SHOWN = 50


def arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, dest="verb")
    events = verbs.add_parser("events", help="what providers told")
    events.add_argument("--parked", action="store_true", help="only what could not be handled")
    events.add_argument("--again", metavar="ID", help="try this parked event once more, or all")
    events.set_defaults(do=_events)


def run(options: argparse.Namespace) -> int:
    from standfirst.project.cli import start_django

    start_django()
    done: int = options.do(options)
    return done


def _events(options: argparse.Namespace) -> int:
    from django.utils import timezone

    from standfirst.project.cli import Problem
    from standfirst.publication.clock import written
    from standfirst.subscriptions.actions.hearing import try_again
    from standfirst.subscriptions.models import WebhookEvent

    events = WebhookEvent.objects.order_by("-received_at", "-pk")
    if options.again:
        some = events if options.again == "all" else events.filter(event_id=options.again)
        count = try_again(some, timezone.now())
        if not count and options.again != "all":
            raise Problem(f"no event {options.again} is parked. See `--parked`.")
        print(f"{count:,} to be tried again; the worker does it.")
        return 0
    if options.parked:
        events = events.filter(progress=WebhookEvent.Progress.PARKED)
    shown = list(events.defer("body")[:MOST_SHOWN])
    for one in shown:
        print(f"{written(one.received_at):18} {one.event_id}  {one.kind}: {_became(one)}")
    count = events.count()
    if count > len(shown):
        print(f"and {count - len(shown):,} before them.")
    elif not shown:
        print("None is parked." if options.parked else "Nothing was told yet.")
    return 1 if options.parked and shown else 0


def _became(event: object) -> str:
    """What became of an event, in a few words."""
    text = str(event.get_progress_display())  # type: ignore[attr-defined]
    trouble = event.trouble  # type: ignore[attr-defined]
    return f"{text}. {trouble}" if trouble else text
