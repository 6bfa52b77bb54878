"""Show a whole sample magazine on this machine: made, filled, served, with its worker.

Nothing leaves the machine: mail goes to an outbox that is a page of the demo, and readers pay at a
stand-in for Stripe that moves no money. Ctrl-C stops everything; the next start goes on with the
same data, unless --fresh."""

import argparse
import os
import secrets
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

HELP = "show a whole sample magazine on this machine"
MARK = "this-is-a-demo"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--articles",
        metavar="N",
        type=int,
        default=0,
        help="fill the library to N articles with recombined paragraphs of the sample",
    )
    parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")
    parser.add_argument(
        "--home",
        metavar="DIR",
        type=Path,
        default=Path(".demo"),
        help="folder of its data (default: %(default)s)",
    )
    parser.add_argument("--fresh", action="store_true", help="throw the old data away first")
    parser.add_argument("--load-only", action="store_true", help="make it, but do not serve it")


def run(options: argparse.Namespace) -> int:
    from standfirst.project.cli import Problem, start_django
    from standfirst.project.ports import listener

    home = options.home.resolve()
    if not options.load_only:
        listening = listener("127.0.0.1", options.port)
        if listening is None:
            raise Problem(f"port {options.port} is in use. Choose another with --port.")
        listening.close()
    _make_home(home, fresh=options.fresh)
    address = f"http://localhost:{options.port}"

    from standfirst.project.demo.paying import StandIn

    stand_in = StandIn(home, address, near=options.port + 1)
    _surroundings(home, address, stand_in.settings)
    start_django()
    with stand_in.running() as child:
        _make(options.articles)
        if options.load_only:
            return 0
        from standfirst.project.demo.signs import directory
        from standfirst.project.demo.together import run_together

        return run_together(
            options.port,
            lambda: print(directory(address, stand_in.address), flush=True),
            {"stand-in for Stripe": child},
        )


def _make(articles: int) -> None:
    """Whatever of the sample is not there yet; `articles` is how many there should be at least."""
    from django.utils import timezone

    from standfirst.project.commands.prepare import prepare
    from standfirst.project.demo.letters import make_newsletters
    from standfirst.project.demo.paying import sell
    from standfirst.project.demo.people import make_people
    from standfirst.project.demo.plans import make_plans
    from standfirst.project.demo.sample import load_sample

    prepare()
    if load_sample():
        print("The sample magazine is loaded.", file=sys.stderr)
    make_people(timezone.now())
    make_plans()
    sell(timezone.now())
    make_newsletters(timezone.now())
    if articles:
        from standfirst.project.demo.filler import fill

        fill(articles)


def _make_home(home: Path, *, fresh: bool) -> None:
    """The demo's folder. Only a folder that a demo made is ever thrown away."""
    from standfirst.project.cli import Problem

    if home.exists() and any(home.iterdir()) and not (home / MARK).is_file():
        raise Problem(
            f"{home} holds something that is not a demo. Choose another folder with --home."
        )
    if fresh and home.exists():
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    (home / MARK).touch()
    (home / "outbox").mkdir(exist_ok=True)
    key = home / "secret"
    if not key.is_file():
        key.write_text(secrets.token_urlsafe(60))
        key.chmod(0o600)


def _surroundings(home: Path, address: str, paying: Mapping[str, str]) -> None:
    """The demo's settings. What stands in the environment for another magazine is not used."""
    from standfirst.project.environment import VARIABLES

    for name in VARIABLES:
        os.environ.pop(name, None)
    os.environ.update(
        STANDFIRST_HOME=str(home),
        DJANGO_SETTINGS_MODULE="standfirst.project.settings",
        SECRET_KEY=(home / "secret").read_text(),
        BASE_URL=address,
        ALLOWED_HOSTS="localhost,127.0.0.1",
        EMAIL_URL=f"file://{home / 'outbox'}",
        EMAIL_FROM="The Meridian <post@meridian.example>",
        DEMO="1",
        **paying,
    )
