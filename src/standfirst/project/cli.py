"""The `standfirst` command. Each of its verbs is one small module in `commands`."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import standfirst

# The order of `standfirst --help`: from a new magazine to its daily life.
COMMANDS = (
    *("new", "prepare", "staff", "serve", "worker", "check", "load", "library", "prices"),
    *("subscriptions", "newsletters", "mail", "why", "demo"),
)


class Problem(Exception):  # noqa: N818
    """Something that the person at the keyboard can put right; the text says what and how."""


def parser() -> argparse.ArgumentParser:
    """The whole command line. A command module gives HELP, `arguments(parser)` and `run(options)`;
    its docstring is the text of `standfirst COMMAND --help`."""
    top = argparse.ArgumentParser(
        prog="standfirst",
        description=standfirst.__doc__,
        epilog="`standfirst COMMAND --help` says more about each.",
    )
    top.add_argument("--version", action="version", version=f"standfirst {standfirst.__version__}")
    verbs = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = importlib.import_module(f"standfirst.project.commands.{name}")
        verb = verbs.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.arguments(verb)
        verb.set_defaults(run=module.run)
    return top


def start_django() -> None:
    """Make Django ready, with the settings of the project that the present folder holds.

    A `settings.py` in the present folder wins over the package's own settings. Raises Problem where
    a setting cannot be used.
    """
    from django.core.exceptions import ImproperlyConfigured

    from standfirst.project.environment import BadSetting

    own = Path.cwd() / "settings.py"
    if own.is_file():
        sys.path.insert(0, str(own.parent))
        # The server's workers are processes of their own and must find it too.
        os.environ["PYTHONPATH"] = os.pathsep.join(
            part for part in (str(own.parent), os.environ.get("PYTHONPATH")) if part
        )
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "standfirst.project.settings")
    try:
        import django

        django.setup()
    except (BadSetting, ImproperlyConfigured) as error:
        raise Problem(str(error)) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0, or 1 after one sentence on what went wrong."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except Problem as problem:
        print(f"standfirst: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`standfirst why … | head`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        sentence = _of_the_database(error)
        if sentence is None or os.environ.get("DEBUG"):
            raise
        print(f"standfirst: {sentence}", file=sys.stderr)
        return 1


def _of_the_database(error: Exception) -> str | None:
    """A sentence for an error of the database's, or None for any other error."""
    from django.db import DatabaseError, InterfaceError

    if not isinstance(error, DatabaseError | InterfaceError):
        return None
    reason = " ".join(str(error).split()).rstrip(".?") or type(error).__name__
    if "no such table" in reason or "does not exist" in reason or "no such column" in reason:
        return f"the database is not prepared ({reason}). Run `standfirst prepare`."
    return f"the database cannot be used: {reason}. See DATABASE_URL in .env."
