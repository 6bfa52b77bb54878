"""Say in sentences what is missing or unsafe in this magazine's set-up. Changes nothing.

The exit code is 1 if anything is wrong, else 0."""

import argparse

HELP = "say what is missing or unsafe"


def arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(options: argparse.Namespace) -> int:
    from standfirst.project.cli import start_django

    start_django()
    from standfirst.project.checks import findings

    found = list(findings())
    for finding in found:
        print(f"{'✗' if finding.grave else '•'} {finding.sentence}")
    if not found:
        print("All is well.")
    return 1 if found else 0
