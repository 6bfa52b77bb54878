"""How quick is sending with the ledger on? One run, one table, a last line of JSON.

    python -m bench.mail.ledger [--recipients 100000] [--freeze 1000000] [--connections 4]

On SQLite and on a PostgreSQL of its own that really writes to the disk: a list is frozen (a million
members, timed), and a 45 KB edition with each reader's name, links and unsubscribe address is sent
by the product's own sender to our sink on loopback, unsigned and signed. `wire` is the bare limit:
the client of that name (bench.mail.clients), before and after, over as many connections, to a sink
that writes down as much. `rsa_us`: what a signature alone costs while as many processes make some.
The sink's own count says that each reader got exactly one.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.servers import postgres

from bench.mail import letter
from bench.mail.__main__ import Row, bare_signature, middle, told
from bench.mail.sink import read_record, running

WATCHERS = 200


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipients", type=int, default=100_000)
    parser.add_argument("--signed", type=int, default=20_000, help="recipients of the signed run")
    parser.add_argument("--freeze", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.inside:
        print(json.dumps(inside(chosen)))
        return 0
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        found = both(Path(folder), sys.argv[1:], chosen.only)
    columns = (
        *("freeze_s", "messages_s", "vs_wire", "cpu_us", "wire_cpu_us"),
        *("signed", "signed_cpu_us", "rsa_us", "watched", "peak_mb"),
    )
    print(f"{'':12}" + "".join(f"{name:>14}" for name in columns) + "  exact")
    for name, row in found.items():
        print(f"{name:12}" + "".join(f"{row[one]:14}" for one in columns) + f"  {row['exact']}")
    print(json.dumps(found))
    return 0 if found and all(row["exact"] for row in found.values()) else 1


def measure(folder: Path, chosen: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The rows of `make bench-mail`: as many letters and connections as its quick rows."""
    return both(folder, [f"--recipients={chosen.letters}", f"--connections={chosen.connections}"])


def both(folder: Path, options: list[str], only: str | None = None) -> dict[str, dict[str, Any]]:
    """The figures of both databases, each in a folder of its own."""
    found = {}
    for name in ("sqlite", "postgresql"):
        (folder / name).mkdir()
    if only != "postgresql":
        file = folder / "sqlite" / "ledger.sqlite3"
        found["sqlite"] = on(f"sqlite:///{file}", str(folder / "sqlite"), options)
    if only != "sqlite":
        try:
            with postgres(fsync=True) as address:
                found["postgresql"] = on(address, str(folder / "postgresql"), options)
        except FileNotFoundError as error:
            print(error, file=sys.stderr)
    return found


def on(address: str, folder: str, options: list[str]) -> dict[str, Any]:
    """The figures of one database, from a process of its own."""
    environment = {
        **os.environ,
        "DATABASE_URL": address,
        "STANDFIRST_HOME": folder,
        "SECRET_KEY": "for-benchmarks-" + "x" * 50,
        "EMAIL_URL": "smtp://127.0.0.1:1?tls=0",
        "DJANGO_SETTINGS_MODULE": "standfirst.project.settings",
    }
    command = [sys.executable, "-m", "bench.mail.ledger", "--inside", *options]
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


def inside(chosen: argparse.Namespace) -> dict[str, Any]:
    """Freeze, wire, send, send while watched, send signed."""
    _start()
    from django.conf import settings

    from standfirst.newsletters.delivery.roads import SmtpRoad
    from standfirst.newsletters.delivery.smtp import Server

    folder = Path(os.environ["STANDFIRST_HOME"])
    members(max(chosen.freeze, chosen.recipients))
    sending, freeze_s = frozen("freeze", max(chosen.freeze, chosen.recipients))
    say(f"frozen: {sending.total:,} in {freeze_s:.1f} s")
    keep(sending, chosen.recipients)
    record = folder / "record"
    before = bare(chosen.recipients, chosen.connections)
    with running(record) as sink:
        road = SmtpRoad(Server("127.0.0.1", sink.port))
        run = sent(road, folder, chosen.connections)
    got = read_record(record)
    exact = len(got) == chosen.recipients and set(got.values()) == {1} and settled(sending)
    wire = middle([before, bare(chosen.recipients, chosen.connections)])
    say(f"wire: {wire['messages_s']:,.0f}/s, {wire['cpu_us']:.0f} us")
    rate = chosen.recipients / run["seconds"]
    say(f"sent: {rate:,.0f}/s, {run['cpu_us']:.0f} us, {run['peak_mb']:.0f} MB, exact: {exact}")

    alone = again_with(chosen, folder, "alone", chosen.recipients // 4)
    watched = again_with(chosen, folder, "watched", chosen.recipients // 4, watch=True)
    say(f"alone {alone['rate']:,.0f}/s, while {WATCHERS} watch {watched['rate']:,.0f}/s")
    settings.DKIM_KEY = str(folder / "key.pem")
    subprocess.run(
        [
            *("openssl", "genpkey", "-quiet", "-algorithm", "RSA"),
            *("-pkeyopt", "rsa_keygen_bits:2048", "-out", settings.DKIM_KEY),
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    rsa = signatures(settings.MAIL_SENDERS)
    signed = again_with(chosen, folder, "signed", chosen.signed)
    rsa = (rsa + signatures(settings.MAIL_SENDERS)) / 2
    say(f"signed: {signed['rate']:,.0f}/s, {signed['cpu_us']:.0f} us, of which RSA {rsa:.0f} us")
    return {
        "freeze_s": round(freeze_s, 1),
        "messages_s": round(rate),
        "wire_s": round(wire["messages_s"]),
        "vs_wire": round(rate / wire["messages_s"], 2),
        "cpu_us": round(run["cpu_us"]),
        "wire_cpu_us": round(wire["cpu_us"]),
        "peak_mb": round(run["peak_mb"]),
        "signed": round(signed["rate"]),
        "signed_cpu_us": round(signed["cpu_us"]),
        "rsa_us": round(rsa),
        "watched": round(watched["rate"] / alone["rate"], 2),
        "exact": exact and alone["exact"] and watched["exact"] and signed["exact"],
    }


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


# -- sending --------------------------------------------------------------------------------------


def again_with(
    chosen: argparse.Namespace, folder: Path, key: str, recipients: int, *, watch: bool = False
) -> dict[str, Any]:
    from standfirst.newsletters.delivery.roads import SmtpRoad
    from standfirst.newsletters.delivery.smtp import Server

    sending, _ = frozen(key, recipients)
    keep(sending, recipients)
    stop = threading.Event()
    watchers = _watch(sending, stop) if watch else []
    record = folder / f"record-{key}"
    with running(record) as sink:
        run = sent(SmtpRoad(Server("127.0.0.1", sink.port)), folder, chosen.connections)
    stop.set()
    for one in watchers:
        one.join()
    got = read_record(record)
    exact = len(got) == recipients and set(got.values()) == {1} and settled(sending)
    return {**run, "rate": recipients / run["seconds"], "exact": exact}


def sent(road: Any, folder: Path, connections: int) -> dict[str, float]:
    """Send all that waits, from as many processes as a worker starts; how long, and at what cost
    of all of them together. The connections are shared out among them."""
    from django.conf import settings
    from django.db import connection

    connection.close()
    lines = max(1, connections // settings.MAIL_SENDERS)
    began = time.perf_counter()
    senders = [_sender(road, folder, lines) for _ in range(settings.MAIL_SENDERS)]
    told = []
    for child, reader in senders:
        with os.fdopen(reader) as file:
            told.append(json.loads(file.read()))
        os.waitpid(child, 0)
    from standfirst.newsletters.models import Sending

    total = Sending.objects.latest("pk").total
    return {
        "seconds": max(ended for ended, _, _ in told) - began,
        "cpu_us": sum(cpu for _, cpu, _ in told) / total * 1e6,
        "peak_mb": max(peak for _, _, peak in told),
    }


def _sender(road: Any, folder: Path, lines: int) -> tuple[int, int]:
    """A process that sends, and where it tells when it ended, its CPU seconds and its memory."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        from standfirst.newsletters.delivery import process, sender

        os.close(reader)
        sender.IDLE = 0.0
        before = resource.getrusage(resource.RUSAGE_SELF)
        process.send(lines=lines, stay=False, by=road, folder=folder / "journals")
        ended = time.perf_counter()
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        os.write(writer, json.dumps([ended, cpu, _peak()]).encode())
        os._exit(0)
    os.close(writer)
    return child, reader


def _peak() -> float:
    """The most memory of this process, in MB, of its own: what it shares with its parent counts."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _watch(sending: Any, stop: threading.Event) -> list[threading.Thread]:
    """Many who look at the progress page, each every two seconds, as it asks by itself."""

    def look() -> None:
        from django.db import connection
        from django.utils import timezone

        from standfirst.newsletters.figures import watched

        while not stop.wait(2.0):
            watched(sending, timezone.now())
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(WATCHERS)]
    for one in threads:
        one.start()
    return threads


def settled(sending: Any) -> bool:
    """Does the ledger say the same: everybody accepted, each batch settled?"""
    from django.utils import timezone

    from standfirst.newsletters.figures import progress_of
    from standfirst.newsletters.models import Delivery, DeliveryState, SendingState

    sending.refresh_from_db()
    ids = Delivery.ids_of(sending.pk, 1, sending.total)
    rows = Delivery.objects.filter(pk__range=ids, state=DeliveryState.ACCEPTED).count()
    counted = progress_of(sending, timezone.now()).accepted
    if not rows == counted == sending.total or sending.state != SendingState.DONE:
        say(f"{sending.key}: {sending.state}, {rows} rows, {counted} counted, {sending.total}")
    return rows == counted == sending.total and sending.state == SendingState.DONE


def signatures(processes: int) -> float:
    """Microseconds of CPU for a signature, where so many processes make them at once."""
    with ProcessPoolExecutor(processes) as pool:
        running = [pool.submit(bare_signature) for _ in range(processes)]
        return sum(one.result() for one in running) / processes


def bare(recipients: int, connections: int) -> Row:
    """The bare limit, against a sink that writes down each recipient as it does for us."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        running(Path(folder) / "record") as sink,
    ):
        return told("wire", sink.port, recipients // 2, connections)


# -- what there is --------------------------------------------------------------------------------


def _start() -> None:
    import django

    django.setup()


class _FromModels(dict[str, None]):
    """Tables are made from the models: all of Wagtail's migrations take a minute."""

    def __contains__(self, app: object) -> bool:
        return True

    def __getitem__(self, app: str) -> None:
        return None


def members(count: int) -> None:
    """So many members with consent, a tenth of them subscribers, all confirmed."""
    from datetime import timedelta

    from allauth.account.models import EmailAddress
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from standfirst.members.models import Consent, Member
    from standfirst.newsletters.models import Suppression
    from standfirst.subscriptions.models import Subscription

    settings.MIGRATION_MODULES = _FromModels()
    call_command("migrate", run_syncdb=True, verbosity=0)
    call_command("createcachetable")
    room = import_module("standfirst.newsletters.migrations.0002_room_beside_each_delivery")
    with connection.schema_editor() as editor:
        room.leave_room(None, editor)
    from tests.making import make_magazine

    make_magazine()
    first = min(count, 10_000)
    Member.objects.bulk_create(
        (Member(email=f"r{n}@example.org", name=f"Reader {n}", password="!") for n in range(first)),
        batch_size=1000,
    )
    numbers = list(Member.objects.order_by("pk").values_list("pk", "email"))
    Consent.objects.bulk_create(
        (Consent(member_id=pk, letter="daily", given=True) for pk, _ in numbers), batch_size=1000
    )
    EmailAddress.objects.bulk_create(
        (EmailAddress(user_id=pk, email=e, primary=True, verified=True) for pk, e in numbers),
        batch_size=1000,
    )
    now = timezone.now()
    Subscription.objects.bulk_create(
        Subscription(member_id=pk, starts_at=now, ends_at=now + timedelta(days=30))
        for pk, _ in numbers
        if pk % 10 == 0
    )
    # The rest are copies: a million objects of Django's would take minutes.
    while (there := Member.objects.count()) < count:
        most = Member.objects.order_by("-pk").values_list("pk", flat=True)[0]
        for model, other in (
            (Member, {"email": f"'c{there}-' || email"}),
            (Consent, {"member_id": f"member_id + {most}"}),
            (EmailAddress, {"user_id": f"user_id + {most}", "email": f"'c{there}-' || email"}),
            (Subscription, {"member_id": f"member_id + {most}"}),
        ):
            _copy(model, min(most, count - there), {"id": f"id + {most}", **other})
    Suppression.objects.bulk_create(
        Suppression(address=f"gone{n}@example.org", reason="bounced") for n in range(2000)
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    say(f"{count:,} members")


def _copy(model: Any, most: int, changed: dict[str, str]) -> None:
    """Each row once more, with other values in some columns."""
    from django.db import connection

    table = model._meta.db_table
    columns = [one.column for one in model._meta.concrete_fields]
    owner = {"members_member": "id", "members_consent": "member_id"}.get(table)
    owner = owner or ("user_id" if "user_id" in columns else "member_id")
    quoted = connection.ops.quote_name
    names = ", ".join(map(quoted, columns))
    values = ", ".join(changed.get(one, quoted(one)) for one in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} WHERE {owner} <= {most}"
        )


def frozen(key: str, recipients: int) -> tuple[Any, float]:
    from django.utils import timezone

    from standfirst.newsletters.actions.sending import begin
    from standfirst.newsletters.models import SendingKind

    letters = {
        variant: (f"The Daily Review: grain ({variant})", letter.HTML, letter.TEXT)
        for variant in ("subscriber", "member")
    }
    began = time.perf_counter()
    sending = begin(
        SendingKind.EDITION,
        key,
        letters,
        consent="daily",
        sender="The Daily Review <daily@example.org>",
        now=timezone.now(),
    )
    return sending, time.perf_counter() - began


def keep(sending: Any, recipients: int) -> None:
    """Shorten a list that was made to be measured: the rest of it is not sent here."""
    from django.db import connection
    from django.db.models import F

    from standfirst.newsletters.models import Batch, Delivery

    low, high = Delivery.ids_of(sending.pk, recipients + 1, 0xFFFFFFFF)
    Batch.objects.filter(sending=sending, first__gt=recipients).delete()
    Batch.objects.filter(sending=sending, last__gt=recipients).update(
        last=recipients, queued=recipients + 1 - F("first")
    )
    Delivery.objects.filter(pk__range=(low, high)).delete()
    sending.total = recipients
    sending.save()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    sys.exit(main())
