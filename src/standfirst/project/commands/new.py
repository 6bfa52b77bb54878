"""Make a folder for a new magazine: its settings with a fresh key, and units for systemd.

Nothing else is touched. The folder's README names the three commands that come next."""

import argparse
import getpass
import re
import secrets
import shutil
import sys
from importlib.resources import files
from pathlib import Path

HELP = "make a folder for a new magazine"

_EXAMPLES = {
    "BASE_URL": "http://localhost:8000",
    "DATABASE_URL": "postgres://user:password@localhost/magazine",
    "REDIS_URL": "redis://localhost:6379/0",
    "SEARCH_URL": "https://user:secret@localhost:9200/magazine",
    "EMAIL_URL": "smtp://user:password@mail.example:587?tls=1",
    "EMAIL_FROM": "The Meridian <post@magazine.example>",
    "TRUSTED_PROXIES": "127.0.0.1",
    "ALLOWED_HOSTS": "magazine.example,www.magazine.example",
}
_IN_FORCE = {"SECRET_KEY", "BASE_URL"}
_NOT_HERE = {"STANDFIRST_HOME", "DEMO"}  # this folder is the home, and no demo


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", type=Path, help="a new or empty folder")


def run(options: argparse.Namespace) -> int:
    from standfirst.project.cli import Problem

    folder: Path = options.folder.expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Problem(f"{folder} is not empty. Name a new folder.")
    try:
        make(folder)
    except OSError as error:
        raise Problem(f"{folder} cannot be made: {error.strerror}.") from error
    shown = options.folder
    print(
        f"Made {shown}. Next:\n\n  cd {shown}\n  standfirst prepare\n"
        "  standfirst staff YOUR@ADDRESS\n  standfirst serve"
    )
    return 0


def make(folder: Path) -> None:
    """Write the files of a new magazine into an empty or new folder."""
    starter = files("standfirst.project") / "starter"
    slug = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-") or "magazine"
    facts = {
        "name": folder.name,
        "slug": slug,
        "folder": str(folder),
        "user": getpass.getuser(),
        "program": str(Path(shutil.which("standfirst") or sys.argv[0]).absolute()),
    }
    (folder / "systemd").mkdir(parents=True, exist_ok=True)
    env = folder / ".env"
    env.touch(mode=0o600)
    env.write_text((starter / "env").read_text(encoding="utf-8") + _variables(), encoding="utf-8")
    for name, place, filled in (
        ("settings.py", "settings.py", False),
        ("gitignore", ".gitignore", False),
        ("README.md", "README.md", True),
        ("web.service", f"systemd/{slug}-web.service", True),
        ("worker.service", f"systemd/{slug}-worker.service", True),
    ):
        text = (starter / name).read_text(encoding="utf-8")
        (folder / place).write_text(text.format(**facts) if filled else text, encoding="utf-8")


def _variables() -> str:
    """A row for every variable the program knows, with what it means."""
    from standfirst.project.environment import VARIABLES

    rows = []
    for name, meaning in VARIABLES.items():
        if name in _NOT_HERE:
            continue
        value = secrets.token_urlsafe(60) if name == "SECRET_KEY" else _EXAMPLES.get(name, "")
        rows.append(f"# {meaning}\n{'' if name in _IN_FORCE else '# '}{name}={value}\n")
    return "\n".join(rows)
