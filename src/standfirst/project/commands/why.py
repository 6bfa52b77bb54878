"""Say whether a reader may have the whole of an article, and which facts led to it.

ARTICLE is an id, the last part of an address, or an address. Without --member a visitor asks.
With --on the question is put at that moment: subscriptions and unlocks as the ledgers knew them."""

import argparse

HELP = "explain why a reader may or may not read an article"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("article", metavar="ARTICLE", help="id, slug or address of an article")
    parser.add_argument("--member", metavar="EMAIL", help="ask as this member")
    parser.add_argument(
        "--on",
        metavar="MOMENT",
        help="ask at this moment, such as 2026-05-03T12:00, where the magazine is",
    )


def run(options: argparse.Namespace) -> int:
    from standfirst.project.cli import Problem, start_django

    start_django()
    from django.utils import timezone

    from standfirst.articles.why import Unknown, explain_article, moment_from

    try:
        on = moment_from(options.on) if options.on else None
        sentences = explain_article(options.article, options.member, on or timezone.now(), on=on)
    except Unknown as error:
        raise Problem(str(error)) from error
    print("\n".join(sentences))
    return 0
