"""Compare plans, prices and coupon codes with the provider of payments, and bring it in line.

Without --apply nothing is changed: what would be done is said, one sentence a line. It may be
stopped at any time; the same command goes on from there."""

import argparse

HELP = "put plans, prices and codes at the provider of payments"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--apply", action="store_true", help="do it, rather than say it")


def run(options: argparse.Namespace) -> int:
    from standfirst.project.cli import Problem, start_django

    start_django()
    from standfirst.subscriptions.actions import bring_in_line, differences
    from standfirst.subscriptions.providers import for_readers
    from standfirst.subscriptions.providers.base import Refused, Unreachable

    provider = for_readers()
    if provider is None:
        raise Problem("no provider of payments is set up. For Stripe, set STRIPE_KEY.")
    name = f"{provider.name.capitalize()} ({provider.realm})"
    try:
        found = differences(provider)
        for one in found:
            print(one.sentence)
        if not found and not options.apply:
            print(f"All that is sold stands at {name} as it should.")
        elif options.apply:
            print(f"{bring_in_line(provider)} things stand at {name} as they should.")
        else:
            print("Nothing was changed. `standfirst prices --apply` does it.")
    except Unreachable as error:
        raise Problem(f"{error} Run the same again later: it goes on from here.") from error
    except Refused as error:
        raise Problem(f"{name} refused: {error}") from error
    return 0
