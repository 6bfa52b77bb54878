"""Make the magazine's data and files fit this version of the program: tables, style sheets, first
pages. Run it once in a new project and after every upgrade; it may be repeated at any time."""

import argparse
import hashlib
import sys
from pathlib import Path

HELP = "make tables, style sheets and first pages; after every upgrade"


def arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(options: argparse.Namespace) -> int:
    from standfirst.project.cli import start_django

    start_django()
    prepare()
    print("Prepared.", flush=True)
    return 0


def prepare(*, say: bool = True) -> None:
    """Do all of it; each step is skipped where nothing is left to do."""
    from django.conf import settings
    from django.core.management import call_command

    from standfirst.articles import shelves
    from standfirst.articles.actions import set_up_magazine
    from standfirst.newsletters.actions.setting_up import set_up_newsletters
    from standfirst.project.checks import pending_migrations

    Path(settings.HOME).mkdir(parents=True, exist_ok=True)
    Path(settings.MEDIA_ROOT).mkdir(parents=True, exist_ok=True)
    waiting = pending_migrations()
    if waiting:
        if say:
            print(f"Making tables ({len(waiting)} steps) …", file=sys.stderr)
        call_command("migrate", verbosity=0, interactive=False)
        call_command("createcachetable", verbosity=0)
    if not settings.DEBUG:
        _collect_static(say=say)
    set_up_magazine()
    set_up_newsletters()
    if not shelves.right():
        if say:
            print("Putting every article on its shelves …", file=sys.stderr)
        shelves.rebuild()


def _collect_static(*, say: bool) -> None:
    """Gather style sheets and scripts, unless the very same ones are there already."""
    from django.conf import settings
    from django.contrib.staticfiles.finders import get_finders
    from django.core.management import call_command

    seen = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            seen.update(f"{path} {storage.size(path)} {storage.get_modified_time(path)}\n".encode())
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    if stamp.is_file() and stamp.read_text() == seen.hexdigest():
        return
    if say:
        print("Collecting style sheets and scripts …", file=sys.stderr)
    call_command("collectstatic", verbosity=0, interactive=False, clear=stamp.is_file())
    stamp.write_text(seen.hexdigest())
