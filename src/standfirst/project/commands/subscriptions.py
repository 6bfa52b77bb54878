"""Subscriptions, and what their providers tell.

reconcile   compares everything with the provider and says what differs; --mend brings ours in line,
            --adopt takes in what was bought elsewhere. May be stopped and begun again at any time:
            it only reads there. The exit code is 1 while differences remain
show        everything of one member: subscriptions, bills, every change and why
events      what was told lately; --parked: only what could not be handled; --again ID (or all):
            let what is parked be handled once more, by the worker"""

import argparse
import sys
import time
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from standfirst.subscriptions.models import Reconciliation, WebhookEvent

HELP = "compare with the provider, show a member's, see what was told"
MOST_SHOWN = 50


def arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, dest="verb")
    all_of_it = verbs.add_parser("reconcile", help="compare everything with the provider")
    all_of_it.add_argument("--mend", action="store_true", help="bring ours in line")
    all_of_it.add_argument(
        "--adopt",
        action="store_true",
        help="join what was bought elsewhere to the member with the customer's confirmed address, "
        "or to a new account; nothing is charged",
    )
    all_of_it.add_argument(
        "--mail", action="store_true", help="with --adopt: ask new accounts to confirm"
    )
    all_of_it.add_argument(
        "--lost",
        action="store_true",
        help="let those that the provider does not know end when what is paid for does",
    )
    all_of_it.add_argument(
        "--since",
        metavar="YYYY-MM-DD",
        type=date.fromisoformat,
        help="only what began, or was billed, since this day",
    )
    all_of_it.set_defaults(do=_reconcile)
    show = verbs.add_parser("show", help="everything of one member")
    show.add_argument("email", metavar="EMAIL")
    show.set_defaults(do=_show)
    events = verbs.add_parser("events", help="what providers told")
    events.add_argument("--parked", action="store_true", help="only what could not be handled")
    events.add_argument("--again", metavar="ID", help="try this parked event once more, or all")
    events.set_defaults(do=_events)


def run(options: argparse.Namespace) -> int:
    from standfirst.project.cli import start_django

    start_django()
    done: int = options.do(options)
    return done


def _reconcile(options: argparse.Namespace) -> int:
    from datetime import datetime

    from standfirst.project.cli import Problem
    from standfirst.publication.queries import the_publication
    from standfirst.subscriptions.actions.reconciling import Reconciler, Wanted
    from standfirst.subscriptions.providers import for_readers
    from standfirst.subscriptions.providers.base import ProviderError

    provider = for_readers()
    if provider is None:
        raise Problem("no provider is set up. For Stripe, set STRIPE_KEY.")
    since = options.since and datetime(
        options.since.year, options.since.month, options.since.day, tzinfo=the_publication().zone
    )
    wanted = Wanted(
        mend=options.mend, adopt=options.adopt, lost=options.lost, mail=options.mail, since=since,
        by=f"reconciling, begun by {_who()}",
    )  # fmt: skip
    line = _Line()
    work = Reconciler(provider, wanted, tell=line.tell, progress=line.show)
    try:
        found = work.run()
    except ProviderError as error:
        raise Problem(
            f"{str(error).rstrip('.')}. Begin again later; it only reads there."
        ) from error
    finally:
        line.end()
    print(
        f"{found.subscriptions:,} subscriptions and {found.bills:,} bills compared: "
        f"{found.mended:,} differences mended, {found.left:,} left."
    )
    if work.elsewhere:
        print(f"{work.elsewhere:,} were bought elsewhere, {work.adopted:,} of them taken in.")
    if work.over:
        print(f"{work.over:,} that were bought elsewhere are over, and left out.")
    if found.left and not options.mend:
        print("Nothing was changed here. `--mend` brings ours in line.")
    return 1 if found.left else 0


def _who() -> str:
    """Who sits at the keyboard, for the ledger."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        return "somebody at the command line"


class _Line:
    """How far it is, on one line of the terminal; differences stand above it."""

    def __init__(self) -> None:
        self._began, self._shown = time.monotonic(), False

    def tell(self, sentence: str) -> None:
        self._wipe()
        print(sentence, flush=True)

    def show(self, found: "Reconciliation") -> None:
        if not sys.stderr.isatty():
            return
        count = found.subscriptions + found.bills
        rate = count / max(0.001, time.monotonic() - self._began)
        text = f"{found.subscriptions:,} subscriptions, {found.bills:,} bills, {rate:,.0f} a second"
        print(f"\r{text} \x1b[K", end="", file=sys.stderr, flush=True)
        self._shown = True

    def _wipe(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._shown:
            print(file=sys.stderr)


def _show(options: argparse.Namespace) -> int:
    from standfirst.members.models import Member
    from standfirst.project.cli import Problem
    from standfirst.subscriptions.actions.telling import one_subscription
    from standfirst.subscriptions.models import Subscription

    member = Member.objects.filter(email__iexact=options.email).first()
    if member is None:
        raise Problem(f"no member has the address {options.email}.")
    rows = Subscription.objects.filter(member=member).order_by("pk")
    for row in rows.select_related("plan", "price").prefetch_related("bills", "entries"):
        print("\n".join(one_subscription(row)))
    if not rows:
        print(f"{member} has no subscription, and never had one.")
    return 0


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


def _became(event: "WebhookEvent") -> str:
    text = str(event.get_progress_display())
    return f"{text}. {event.trouble}" if event.trouble else text
