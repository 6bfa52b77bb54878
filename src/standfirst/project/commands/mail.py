"""Mail.

doctor   looks up SPF, DKIM and DMARC of the addresses that mail is sent from, says whether they fit
         together, and what to publish where. It only asks the DNS. The exit code is 1 where
         something is wrong"""

import argparse

HELP = "is our mail believed?"


def arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, dest="verb")
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


def _doctor(options: argparse.Namespace) -> int:
    from standfirst.newsletters.doctor import examine
    from standfirst.newsletters.doctor.rules import Level
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
    for sender in senders:
        print(f"Mail from {sender.author}, bounces to {sender.envelope}")
        for finding in examine(zone, sender):
            print(f"  {marks[finding.level]}  {finding.about}: {finding.sentence}")
            if finding.record:
                print(f"            {finding.name}  TXT  “{finding.record}”")
            worst = max(worst, finding.level is Level.BAD)
    return int(worst)
