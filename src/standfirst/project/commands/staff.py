"""Give somebody the keys of the newsroom: a member who may do everything there.

Asks for a password. Without a terminal, or with --link, it prints a link to sign in with instead;
the link works once and for one hour. An existing member keeps everything and gains the keys."""

import argparse
import getpass
import sys

HELP = "make a colleague who may do everything in the newsroom"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("email", metavar="EMAIL")
    parser.add_argument("--link", action="store_true", help="print a sign-in link, ask nothing")


def run(options: argparse.Namespace) -> int:
    from standfirst.project.cli import Problem, start_django

    start_django()
    from django.core.exceptions import ValidationError
    from django.core.validators import validate_email

    from standfirst.members.codes import sign_in_token
    from standfirst.members.mail import link_to
    from standfirst.project.actions import make_staff

    email = options.email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise Problem(f"“{options.email}” is not a complete e-mail address.") from None
    password = ""
    if not options.link and sys.stdin.isatty():
        password = _ask()
    member = make_staff(email, password)
    print(f"{member.email} may now enter the newsroom.")
    if not password:
        link = link_to("sign_in_link", sign_in_token(member), "/newsroom/")
        print(f"Sign in within the hour at {link}")
    return 0


def _ask() -> str:
    """A password typed twice, or nothing for a link instead."""
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    while True:
        first = getpass.getpass("Password (empty: a sign-in link): ")
        if not first:
            return ""
        try:
            validate_password(first)
        except ValidationError as error:
            print(" ".join(error.messages))
            continue
        if getpass.getpass("Once more: ") == first:
            return first
        print("The two differ. Please type both again.")
