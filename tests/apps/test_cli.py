"""The command line: what it says, what it refuses, what it leaves behind."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from standfirst.articles.models import Article, FrontPage
from standfirst.members.models import Member
from standfirst.members.queries import is_verified
from standfirst.project import cli
from standfirst.project.actions import make_staff
from standfirst.project.commands import new
from standfirst.project.demo import cast, sample, text
from standfirst.project.environment import VARIABLES
from tests.making import make_magazine, make_member

SRC = Path(__file__).parents[2] / "src"


def standfirst(*words: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """The command, in a process and a folder of its own."""
    clean = {k: v for k, v in os.environ.items() if k not in VARIABLES and "DJANGO" not in k}
    return subprocess.run(
        [sys.executable, "-m", "standfirst", *words],
        cwd=cwd,
        env={**clean, "PYTHONPATH": str(SRC), **env},
        capture_output=True,
        text=True,
    )


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    named = {line.split()[0] for line in said.splitlines() if line.startswith("    ")}
    assert named.issuperset(cli.COMMANDS)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(name: str, capsys):
    with pytest.raises(SystemExit):
        cli.main([name, "--help"])
    assert len(capsys.readouterr().out) > 200


def test_an_unknown_command_ends_with_2(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["sing"])
    assert ended.value.code == 2


# -- new --------------------------------------------------------------------------------------


def test_a_new_folder_has_a_fresh_key_and_a_row_for_every_variable(tmp_path):
    new.make(tmp_path / "one")
    new.make(tmp_path / "two")
    one, two = ((tmp_path / name / ".env").read_text() for name in ("one", "two"))
    key = next(line for line in one.splitlines() if line.startswith("SECRET_KEY="))
    assert len(key) > 60
    assert key not in two
    assert all(f"{name}=" in one for name in VARIABLES if name not in {"STANDFIRST_HOME", "DEMO"})
    assert (tmp_path / "one/.env").stat().st_mode & 0o077 == 0


def test_a_folder_that_holds_something_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "novel.txt").write_text("Chapter one")
    ended = standfirst("new", str(tmp_path), cwd=tmp_path)
    assert ended.returncode == 1
    assert "is not empty" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_units_for_systemd_name_the_folder_and_the_program(tmp_path):
    new.make(tmp_path / "meridian")
    unit = (tmp_path / "meridian/systemd/meridian-web.service").read_text()
    assert f"WorkingDirectory={tmp_path}/meridian" in unit
    assert "standfirst serve" in unit or " serve --port 8000" in unit


@pytest.mark.attack
def test_a_new_magazine_is_told_what_to_do_next_and_does_not_serve_yet(tmp_path):
    folder = tmp_path / "m"
    new.make(folder)
    checked = standfirst("check", cwd=folder)
    assert checked.returncode == 1
    assert "Run `standfirst prepare`" in checked.stdout
    served = standfirst("serve", "--port", "0", cwd=folder)
    assert served.returncode == 1
    assert "standfirst prepare" in served.stderr
    assert "Traceback" not in served.stderr + checked.stderr


@pytest.mark.attack
def test_without_a_key_nothing_is_served(tmp_path):
    ended = standfirst("serve", cwd=tmp_path)
    assert ended.returncode == 1
    assert "SECRET_KEY is not set" in ended.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("DATABASE_URL", "mysql://host/db"), ("EMAIL_URL", "pigeon://roof")],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path, name: str, value: str):
    ended = standfirst("check", cwd=tmp_path, **{name: value})
    assert ended.returncode == 1
    assert name in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.attack
def test_a_database_that_is_away_is_told_of_in_a_sentence(tmp_path):
    ended = standfirst("worker", "--help", cwd=tmp_path)
    assert ended.returncode == 0
    ended = standfirst("why", "x", cwd=tmp_path, DATABASE_URL="postgres://nobody@127.0.0.1:1/x")
    assert ended.returncode == 1
    assert "the database cannot be used" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_demo_never_throws_away_what_is_not_a_demo(tmp_path):
    (tmp_path / "thesis.txt").write_text("Years of work")
    ended = standfirst("demo", "--fresh", "--load-only", "--home", str(tmp_path), cwd=tmp_path)
    assert ended.returncode == 1
    assert "not a demo" in ended.stderr
    assert (tmp_path / "thesis.txt").exists()


def test_a_file_that_is_not_there_is_named(tmp_path):
    ended = standfirst("load", "nothing.jsonl", cwd=tmp_path)
    assert ended.returncode == 1
    assert "nothing.jsonl" in ended.stderr


# -- staff ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_colleague_gets_the_keys_and_a_confirmed_address():
    member = make_staff("Edith@Meridian.example", "a long password")
    assert (member.is_staff, member.is_superuser, is_verified(member)) == (True, True, True)
    assert member.check_password("a long password")


@pytest.mark.django_db
def test_a_member_who_becomes_staff_keeps_the_password():
    member = make_member("mona@meridian.example")
    member.set_password("her own password")
    member.save()
    make_staff("Mona@meridian.example")
    assert Member.objects.get().check_password("her own password")


# -- forms that are too large -----------------------------------------------------------------


@pytest.mark.django_db
def test_ten_megabytes_are_refused_before_they_are_read(browser):
    make_magazine()
    answer = browser.post("/join/now/", {"email": "a@b.example", "junk": "x" * 10_000_000})
    assert answer.status_code == 413
    assert "too large" in answer.content.decode()


@pytest.mark.django_db
def test_a_file_that_no_form_of_ours_asks_for_is_refused_too(browser):
    make_magazine()
    file = SimpleUploadedFile("big.bin", b"x" * 10_000_000)
    assert browser.post("/join/now/", {"file": file}).status_code == 413


# -- the sample -------------------------------------------------------------------------------


def test_every_sample_article_can_be_read():
    known = {
        "authors": {writer.slug for writer in cast.AUTHORS},
        "regions": {part.slug for part in cast.REGIONS},
        "topics": set(cast.TOPICS),
    }
    for file in sample.CONTENT.glob("articles/*.md"):
        read = text.read(file.stem, file.read_text(encoding="utf-8"), lambda slug: 1)
        kinds = [block["type"] for block in read.body]
        assert kinds.count("paragraph") >= 2, file.stem
        assert kinds.count("cut") <= 1
        assert read.facts["section"] in {part.slug for part in cast.SECTIONS}
        for name, slugs in known.items():
            assert set(read.facts[name]) <= slugs, (file.stem, name)


def test_the_light_markup_becomes_rich_text():
    assert text.inline("*a* **b** [c](https://d.example/?e&f) <g>") == (
        '<i>a</i> <b>b</b> <a href="https://d.example/?e&amp;f">c</a> &lt;g&gt;'
    )


@pytest.mark.parametrize("hour", [0, 3, 12, 23])
@pytest.mark.parametrize("days_ago", [0, 1, 9])
def test_no_sample_article_comes_from_the_future(hour: int, days_ago: int):
    now = datetime(2026, 11, 22, hour, 1, tzinfo=ZoneInfo("Europe/Vienna"))  # a Sunday
    moment = sample.moment_of({"days_ago": days_ago, "hour": 9}, "slug", now)
    assert moment <= now
    assert moment.date() == now.date() if days_ago == 0 else moment.weekday() < 5


@pytest.mark.django_db(transaction=True)
@pytest.mark.attack
def test_the_sample_is_loaded_once_and_left_alone_after(settings, tmp_path, monkeypatch):
    from standfirst.project.demo.people import make_people

    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(sample.sizes, "prepare", lambda image: None)
    make_magazine()
    now = datetime.now(UTC)
    assert sample.load_sample() is True
    make_people(now)
    live = Article.objects.filter(live=True)
    assert live.count() == len(list(sample.CONTENT.glob("articles/*.md"))) - 2
    assert live.filter(published_at__gt=now).count() == 0
    assert FrontPage.objects.get().picks.count() >= 5
    before = json.dumps(list(Article.objects.values("pk", "published_at", "slug")), default=str)
    assert sample.load_sample() is False
    make_people(now)
    after = json.dumps(list(Article.objects.values("pk", "published_at", "slug")), default=str)
    assert before == after
    assert Member.objects.count() == len(cast.PEOPLE)
