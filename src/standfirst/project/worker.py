"""The worker: what happens behind readers' backs, in one process.

Each chore has a rhythm; between chores the queue's jobs are run, one at a time. A job is a nudge
and may come twice: one whose worker was killed is queued again, once; mail that could not be handed
over is tried again with growing pauses. (Both are missing in django-tasks-db.)
"""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import FrameType
from uuid import uuid4

from django.core.cache import cache
from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.management.commands.db_worker import Worker as JobRunner
from django_tasks_db.models import DBTaskResult

from standfirst.articles.jobs import publish_due, write_sitemaps
from standfirst.library.jobs import forget_counts, forget_missed, forget_notes
from standfirst.newsletters.delivery.limits import forget as forget_quotas
from standfirst.newsletters.delivery.process import Children
from standfirst.newsletters.jobs import (
    draft_due,
    forget_old_letters,
    make_lists,
    read_bounces,
    send_due,
)
from standfirst.newsletters.occasions import (
    forget_lists,
    take_lists_in,
    tell_followers,
    tell_of_choices,
)
from standfirst.project.checks import WORKER_SEEN
from standfirst.publication.statements import forget_connection
from standfirst.reading.follower import forget_changes
from standfirst.subscriptions.actions import see_to_bills
from standfirst.subscriptions.jobs.letters import finish_endings, remind
from standfirst.subscriptions.jobs.listening import forget_bodies

log = logging.getLogger("standfirst.worker")

IDLE = 1.0  # seconds between looks at an empty queue
JOBS_AT_ONCE = 20  # between two looks at the chores
LONGEST_PAUSE = 60.0
ALIVE_EVERY, ALIVE_FOR = 20, 120  # seconds
SILENT_BEFORE_RESCUE = timedelta(minutes=10)
RESCUES = 1
RESULTS_KEPT = timedelta(days=7)
# Nothing was handed over when one of these was raised, so trying again does nothing twice.
TRY_AGAIN = (
    "smtplib.SMTPConnectError",
    "smtplib.SMTPHeloError",
    "smtplib.SMTPAuthenticationError",
    "builtins.ConnectionRefusedError",
    "socket.gaierror",
    # A provider of payments: whatever is asked of it bears a key, so that it is done once.
    "standfirst.subscriptions.providers.base.Unreachable",
)
PAUSES = (1, 5, 25, 120, 600)  # minutes before the second, third, ... attempt


@dataclass(slots=True)
class Chore:
    """Something to do every so many seconds."""

    name: str
    every: float
    do: Callable[[], object]
    due: float = 0.0


# A long sending has a process of its own.
sender = Children()

# -- chores -----------------------------------------------------------------------------------


def rescue_jobs(now: datetime | None = None) -> int:
    """Queue jobs again whose worker gives no sign of life. Says how many.

    A job that was being run when its worker was killed is run once more, not for ever: one that
    kills its worker twice is marked as failed.
    """
    now = now or timezone.now()
    rescued = 0
    running = DBTaskResult.objects.running().filter(started_at__lt=now - SILENT_BEFORE_RESCUE)
    for job in running:
        if job.worker_ids and cache.get(_sign_of(job.worker_ids[-1])):
            continue
        again = len(job.worker_ids) <= RESCUES
        change = (
            {"status": TaskResultStatus.READY}
            if again
            else {
                "status": TaskResultStatus.FAILED,
                "finished_at": now,
                "traceback": "The worker was killed twice while it ran this job.",
            }
        )
        # Only if nobody else was quicker.
        taken = DBTaskResult.objects.filter(pk=job.pk, started_at=job.started_at, status=job.status)
        if taken.update(**change):
            rescued += again
            log.warning(
                "Job %s was left by a dead worker: %s.",
                job.task_name,
                "queued again" if again else "given up",
            )
    return rescued


def try_mail_again(now: datetime | None = None) -> int:
    """Queue jobs again that failed because a server could not be reached. Says how many."""
    now = now or timezone.now()
    count = 0
    failed = DBTaskResult.objects.failed().filter(exception_class_path__in=TRY_AGAIN)
    for job in failed.filter(finished_at__gt=now - timedelta(days=1)):
        attempts = len(job.worker_ids)
        if attempts > len(PAUSES):
            continue
        pause = timedelta(minutes=PAUSES[max(0, attempts - 1)])
        taken = DBTaskResult.objects.filter(pk=job.pk, status=TaskResultStatus.FAILED)
        count += taken.update(
            status=TaskResultStatus.READY, run_after=(job.finished_at or now) + pause
        )
        log.warning(
            "A server could not be reached (%s): job %s is tried again in %d min.",
            job.exception_class_path,
            job.task_name,
            pause.total_seconds() / 60,
        )
    return count


def forget_results() -> None:
    """Drop the results of jobs that ended a while ago."""
    DBTaskResult.objects.finished().filter(finished_at__lt=timezone.now() - RESULTS_KEPT).delete()


def forget_sessions() -> None:
    """Drop sessions that have run out."""
    call_command("clearsessions")


def chores() -> list[Chore]:
    """Everything with a rhythm."""
    return [
        Chore("publish what is due", 10, publish_due),
        Chore("write sitemaps", 60, write_sitemaps),
        Chore("draft editions", 20, draft_due),
        Chore("send editions", 10, send_due),
        Chore("make lists", 3, make_lists),
        Chore("tell followers", 30, tell_followers),
        Chore("tell of new choices", 300, tell_of_choices),
        Chore("take addresses in", 1, take_lists_in),  # not as long as that: jobs go between
        Chore("forget lists of addresses", 3600, forget_lists),
        Chore("start a sender", 3, sender.start_if_needed),
        Chore("forget old letters", 86400, forget_old_letters),
        Chore("forget limits", 86400, forget_quotas),
        Chore("try mail again", 20, try_mail_again),
        Chore("rescue jobs", 60, rescue_jobs),
        Chore("end what readers ended", 30, finish_endings),
        Chore("remind subscribers", 300, remind),
        Chore("forget results", 3600, forget_results),
        Chore("forget changes", 3600, forget_changes),
        Chore("forget notes", 3600, forget_notes),
        Chore("forget counts of searches", 600, forget_counts),
        Chore("forget what was missed", 3600, forget_missed),
        Chore("read bounces", 60, read_bounces),
        Chore("see to bills", 600, see_to_bills),
        Chore("forget what events said", 3600, forget_bodies),
        Chore("forget sessions", 86400, forget_sessions),
    ]


# -- the loop ---------------------------------------------------------------------------------


def _sign_of(worker_id: str) -> str:
    return f"standfirst-worker-{worker_id}"


class Worker:
    """Runs chores and jobs until told to stop."""

    def __init__(self, todo: list[Chore] | None = None) -> None:
        self.id = f"{socket.gethostname()[:30]}-{os.getpid()}-{uuid4().hex[:8]}"
        self._chores = chores() if todo is None else todo
        self._stop = threading.Event()

    def run(self) -> None:
        """Work until SIGINT or SIGTERM; the job at hand is finished first. A second signal ends it
        at once, and the job is rescued later."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._told_to_stop)
        threading.Thread(target=self._give_signs_of_life, daemon=True).start()
        pause = IDLE
        while not self._stop.is_set():
            try:
                close_old_connections()
                busy = self.step(time.monotonic())
                pause = IDLE
            except (DatabaseError, InterfaceError) as error:
                _drop_connections()
                pause = min(LONGEST_PAUSE, pause * 2)
                log.error(
                    "The database cannot be used (%s); next look in %d s.",
                    " ".join(str(error).split()),
                    pause,
                )
                busy = False
            if not busy:
                self._stop.wait(pause)
        sender.stop()
        log.info("The worker has stopped.")

    def stop(self) -> None:
        """Let `run` return after the job at hand."""
        self._stop.set()

    def step(self, clock: float) -> bool:
        """Do the chores that are due and a handful of jobs. Says whether there may be more jobs.

        `clock` is in seconds and only ever grows. Raises DatabaseError where the database is away;
        any other error of a chore is logged and the chore comes again in its rhythm.
        """
        for chore in self._chores:
            if clock < chore.due or self._stop.is_set():
                continue
            chore.due = clock + chore.every
            try:
                chore.do()
            except (DatabaseError, InterfaceError):
                chore.due = 0.0
                raise
            except Exception:
                log.exception("The chore “%s” failed.", chore.name)
        for _ in range(JOBS_AT_ONCE):
            if self._stop.is_set() or not DBTaskResult.objects.ready().exists():
                return False
            self._run_one_job()
        return True

    def _run_one_job(self) -> None:
        JobRunner(
            queue_names=["*"],
            interval=0,
            batch=True,
            backend_name="default",
            startup_delay=False,
            max_tasks=1,
            worker_id=self.id,
            excluded_queue_names=[],
        ).run()

    def _told_to_stop(self, number: int, frame: FrameType | None) -> None:
        if self._stop.is_set():
            os._exit(1)
        self._stop.set()

    def _give_signs_of_life(self) -> None:
        """Say that this worker lives, also while a job takes long."""
        while True:
            try:
                cache.set(_sign_of(self.id), 1, ALIVE_FOR)
                cache.set(WORKER_SEEN, time.time(), 86400)
            except Exception as error:  # whatever the cache's own library raises
                log.debug("No sign of life could be given: %s", error)
            finally:
                connections.close_all()
            if self._stop.wait(ALIVE_EVERY):
                return


def _drop_connections() -> None:
    for connection in connections.all(initialized_only=True):
        forget_connection(connection)
