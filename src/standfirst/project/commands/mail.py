"""Mail.

send     hands over letters that wait, until none is left. The worker starts it by itself; more of
         them, here or on other machines, share the work. Ctrl-C ends it after what is leaving
status   each sending that runs, or was the last: how many letters are in which state
doctor   looks up SPF, DKIM and DMARC of the addresses that mail is sent from, says whether they fit
         together, and what to publish where. It only asks the DNS. The exit code is 1 where
         something is wrong"""

import argparse

HELP = "send newsletters, see how it goes; is our mail believed?"


def arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, dest="verb")
    send = verbs.add_parser("send", help="hand over letters that wait")
    send.add_argument(
        "--connections", type=int, metavar="N", help="at once; else as MAIL_CONNECTIONS says"
    )
    send.add_argument("--stay", action="store_true", help="wait for more when none is left")
    send.set_defaults(do=_send)
    status = verbs.add_parser("status", help="how far it is")
    status.set_defaults(do=_status)
    doctor = verbs.add_parser("doctor", help="look up SPF, DKIM and DMARC")
    doctor.add_argument(
        "--from",
        dest="author",
        metavar="ADDRESS",
        help="the sender to look at; else every one that the magazine is set up with",
    )
    doctor.add_argument(
        "--leaves-from",
        metavar="IP",
        action="append",
        default=[],
        help="an address that mail leaves from, where the relay’s is not the one seen outside",
    )
    doctor.add_argument("--dns", metavar="IP[:PORT]", help="ask this server of the DNS")
    doctor.set_defaults(do=_doctor)


def run(options: argparse.Namespace) -> int:
    from standfirst.project.cli import start_django

    start_django()
    done: int = options.do(options)
    return done


def _send(options: argparse.Namespace) -> int:
    from django.conf import settings

    from standfirst.newsletters.delivery.process import send
    from standfirst.project.cli import Problem

    lines = options.connections or settings.MAIL_CONNECTIONS
    if not 0 < lines <= 1000:
        raise Problem("write a number of connections from 1 to 1000.")
    send(lines=lines, stay=options.stay)
    return 0


def _status(options: argparse.Namespace) -> int:
    from django.utils import timezone

    from standfirst.newsletters.figures import progress_of
    from standfirst.newsletters.models import Sending, SendingState

    open_ones = Sending.objects.filter(
        state__in=[SendingState.FREEZING, SendingState.SENDING, SendingState.PAUSED]
    )
    shown = list(open_ones) or list(Sending.objects.all()[:1])
    for one in shown:
        found = progress_of(one, timezone.now())
        counts = (f"{count:,} {state.label}" for state, count in found.counts.items() if count)
        print(f"{one.key}, {one.state}: {', '.join(counts) or 'nobody on the list'}")
        if found.rate:
            print(f"  {found.rate:,.0f} letters a second")
        if found.waits:
            print(f"  {found.waits}")
    if not shown:
        print("Nothing was sent yet.")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from standfirst.newsletters.doctor import examine
    from standfirst.newsletters.doctor.rules import Level, Unanswered
    from standfirst.newsletters.doctor.zone import Dns
    from standfirst.newsletters.senders import senders_to_examine
    from standfirst.project.cli import Problem

    server, _, port = (options.dns or "").partition(":")
    zone = Dns([server], int(port or 53)) if server else Dns()
    worst = 0
    marks = {Level.GOOD: "good  ", Level.ADVICE: "advice", Level.BAD: "BAD   "}
    try:
        senders = list(senders_to_examine(zone, options.author, options.leaves_from))
    except (OSError, ValueError) as error:
        raise Problem(
            f"the key that DKIM_KEY names cannot be used ({error}). Name a PEM file that this "
            "user may read, with an RSA key of 2048 bits."
        ) from error
    except Unanswered as error:
        raise Problem(
            f"{error}. Try again later, or name the address that mail leaves from by --leaves-from."
        ) from error
    for sender in senders:
        by = f"by {sender.provider}" if sender.provider else f"bounces to {sender.envelope}"
        print(f"Mail from {sender.author}, {by}")
        for finding in examine(zone, sender):
            print(f"  {marks[finding.level]}  {finding.about}: {finding.sentence}")
            if finding.record:
                print(f"            {finding.name}  TXT  “{finding.record}”")
            worst = max(worst, finding.level is Level.BAD)
    return int(worst)
