"""The worker: its rhythm, its jobs, and what it does when something dies."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.utils import timezone
from django_tasks import task
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from standfirst.project import worker
from standfirst.project.worker import Chore, Worker

pytestmark = pytest.mark.django_db(transaction=True)

ran: list[int] = []


@task()
def note(number: int) -> None:
    ran.append(number)


@task()
def break_down(number: int) -> None:
    raise ConnectionRefusedError("nobody listens there")


@pytest.fixture(autouse=True)
def _the_queue_in_the_database(settings):
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    ran.clear()


def queued() -> DBTaskResult:
    note.enqueue(1)
    return DBTaskResult.objects.get()


def left_running(minutes: int, worker_ids: list[str]) -> DBTaskResult:
    """A job that a worker took and never ended."""
    job = queued()
    started = timezone.now() - timedelta(minutes=minutes)
    DBTaskResult.objects.update(
        status=TaskResultStatus.RUNNING, started_at=started, worker_ids=worker_ids
    )
    job.refresh_from_db()
    return job


def test_queued_jobs_are_run():
    note.enqueue(1)
    note.enqueue(2)
    Worker([]).step(0)
    assert sorted(ran) == [1, 2]


def test_a_job_whose_worker_gives_no_sign_of_life_is_run_once_more():
    left_running(11, ["dead"])
    assert worker.rescue_jobs() == 1
    Worker([]).step(0)
    assert ran == [1]


def test_a_job_that_takes_long_is_left_to_its_living_worker():
    left_running(60, ["alive"])
    cache.set(worker._sign_of("alive"), 1)
    assert worker.rescue_jobs() == 0


def test_a_job_that_has_just_begun_is_left_alone():
    left_running(1, ["who-knows"])
    assert worker.rescue_jobs() == 0


def test_a_job_that_killed_its_worker_twice_is_given_up():
    job = left_running(11, ["dead", "dead-too"])
    assert worker.rescue_jobs() == 0
    job.refresh_from_db()
    assert job.status == TaskResultStatus.FAILED


def test_mail_that_found_no_server_is_tried_again_after_a_pause():
    break_down.enqueue(1)
    Worker([]).step(0)
    assert DBTaskResult.objects.get().status == TaskResultStatus.FAILED
    assert worker.try_mail_again() == 1
    job = DBTaskResult.objects.get()
    assert job.status == TaskResultStatus.READY
    assert job.run_after > timezone.now() + timedelta(seconds=50)


def test_trying_again_comes_to_an_end():
    break_down.enqueue(1)
    for _ in range(20):
        Worker([]).step(0)
        worker.try_mail_again()
        DBTaskResult.objects.update(run_after=timezone.now())
    assert len(DBTaskResult.objects.get().worker_ids) == len(worker.PAUSES) + 1


def test_each_chore_keeps_its_rhythm():
    done: list[str] = []
    often, seldom = (lambda: done.append("a")), (lambda: done.append("b"))
    working = Worker([Chore("often", 10, often), Chore("seldom", 30, seldom)])
    for clock in range(100, 131, 5):
        working.step(clock)
    assert (done.count("a"), done.count("b")) == (4, 2)


def test_a_chore_that_fails_holds_up_no_other(caplog):
    done: list[str] = []

    def fail() -> None:
        raise ValueError("broken")

    Worker([Chore("bad", 10, fail), Chore("good", 10, lambda: done.append("x"))]).step(0)
    assert done == ["x"]
    assert "“bad” failed" in caplog.text


def test_a_database_that_goes_away_is_waited_for(monkeypatch):
    working = Worker([])
    seen = []

    def step(clock: float) -> bool:
        seen.append(clock)
        if len(seen) < 3:
            raise OperationalError("the server went away")
        working.stop()
        return False

    monkeypatch.setattr(worker, "IDLE", 0.01)
    monkeypatch.setattr(working, "step", step)
    monkeypatch.setattr(signal, "signal", lambda *args: None)
    working.run()
    assert len(seen) == 3


def test_results_are_forgotten_after_a_week_and_sooner_never():
    for days in (6, 8):
        note.enqueue(days)
        DBTaskResult.objects.filter(finished_at=None).update(
            status=TaskResultStatus.SUCCESSFUL, finished_at=timezone.now() - timedelta(days=days)
        )
    worker.forget_results()
    assert DBTaskResult.objects.get().args_kwargs["args"] == [6]


@pytest.mark.attack
@pytest.mark.skipif(connection.vendor != "sqlite", reason="it has an SQLite of its own")
def test_a_queued_job_outlives_a_worker_that_is_killed(tmp_path):
    """A real worker is killed with -9; the next one does what was queued meanwhile."""
    env = {
        **{k: v for k, v in os.environ.items() if k != "DATABASE_URL"},
        "STANDFIRST_HOME": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "standfirst.project.settings",
        "SECRET_KEY": "k" * 60,
        "BASE_URL": "http://localhost",
        "EMAIL_URL": f"file://{tmp_path}/outbox",
        "PYTHONPATH": "src",
    }

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "standfirst", "worker"], env=env)

    def python(code: str) -> None:
        setup = "import django; django.setup()\n"
        subprocess.run([sys.executable, "-c", setup + code], env=env, check=True)

    # Tables from the models: quicker than all of Wagtail's migrations, which the worker asks for.
    python(
        "from django.core.management import call_command as c\n"
        "from django.db import connection\n"
        "from django.db.migrations.loader import MigrationLoader\n"
        "from django.db.migrations.recorder import MigrationRecorder as R\n"
        "from django.apps import apps\n"
        "R(connection).ensure_schema()\n"
        "with connection.schema_editor() as e:\n"
        "    [e.create_model(m) for m in apps.get_models() if m._meta.managed\n"
        "     and 'Migration' not in m.__name__]\n"
        "[R(connection).record_applied(*k) for k in MigrationLoader(None).graph.nodes]\n"
        "c('createcachetable', verbosity=0)\n"
    )
    first = start()
    time.sleep(3)
    first.kill()
    first.wait()
    python(
        "from standfirst.members.jobs import send_farewell\n"
        "send_farewell.enqueue('gone@meridian.example')"
    )
    table = DBTaskResult._meta.db_table
    second = start()
    try:
        for _ in range(600):
            time.sleep(0.1)
            with closing(sqlite3.connect(tmp_path / "standfirst.sqlite3")) as data:
                state = data.execute(f"SELECT status FROM {table}").fetchone()
            if state == ("SUCCESSFUL",):
                break
        assert state == ("SUCCESSFUL",)
    finally:
        second.terminate()
        assert second.wait(15) == 0
    assert len(list((tmp_path / "outbox").iterdir())) == 1
