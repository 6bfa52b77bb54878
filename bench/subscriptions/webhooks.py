"""Events at a fixed rate, as Stripe sends them: six for a renewal, of ever other subscriptions.

An answer is timed from the moment at which its event was due, so that a pause counts for all that
waited behind it. Before that, without a worker, as many events as are taken, and beside it as many
answers as Django gives to the same posts when it looks no further (an unknown provider).
"""

import argparse
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import stripe
from tests.servers import free_port, postgres

from bench.load import Row, say, server
from standfirst.subscriptions.standin.events import public, signature

PROGRAM = [sys.executable, "-m", "standfirst"]
STANDIN = [sys.executable, "-m", "standfirst.subscriptions.standin"]
SECRET = "whsec_bench"
CONNECTIONS = 8
DATABASES = ("sqlite", "postgresql")
MOST = 5  # seconds for as many as can be
_numbers = count()


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rate", type=int, default=200, help="events a second")
    parser.add_argument("--seconds", type=int, default=20, help="of events at that rate")
    parser.add_argument("--on", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--sold", type=int, default=150, help="subscriptions events are of")


def measure(folder: Path, chosen: argparse.Namespace) -> dict[str, Row]:
    found: dict[str, Row] = {}
    with standin() as base:
        say(f"selling {chosen.sold} subscriptions")
        bodies = sell(base, chosen.sold)
        if "sqlite" in chosen.on:
            found["sqlite"] = on("", folder / "sqlite", base, bodies, chosen)
        if "postgresql" in chosen.on:
            with postgres(fsync=True) as address:
                found["postgresql"] = on(address, folder / "postgresql", base, bodies, chosen)
    return found


def show(found: dict[str, Row]) -> None:
    columns = ("sent_s", "p50_ms", "p99_ms", "handled_p50_s", "handled_p99_s", "most_s", "bare_s")
    print(f"{'':12}" + "".join(f"{name:>15}" for name in columns))
    for name, row in found.items():
        print(f"{name:12}" + "".join(f"{row[column]:15}" for column in columns))


# -- the provider -----------------------------------------------------------------------------


@contextmanager
def standin(*more: str) -> Iterator[str]:
    port = free_port()
    with server([*STANDIN, "--port", str(port), "--quiet", *more], f"http://127.0.0.1:{port}/"):
        yield f"http://127.0.0.1:{port}"


def sell(base: str, many: int) -> list[list[dict[str, Any]]]:
    """Sell subscriptions; the events of each, as they were told."""
    shop = stripe.StripeClient("sk_test_any", base_addresses={"api": base}).v1
    product = shop.products.create({"name": "All-Access"})
    monthly = {"interval": "month"}
    price = shop.prices.create(
        {"product": product.id, "currency": "eur", "unit_amount": 1000, "recurring": monthly}  # type: ignore[typeddict-item]
    )
    found = []
    for number in range(many):
        customer = shop.customers.create({"email": f"reader{number}@example.org"})
        card = shop.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        shop.customers.update(
            customer.id, {"invoice_settings": {"default_payment_method": card.id}}
        )
        sub = shop.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
        told = [public(json.loads(str(one))) for one in shop.events.list({"limit": 20}).data]
        found.append([one for one in told[::-1] if mentions(one, customer.id)][-6:])
        assert sub.status == "active"
    return found


def mentions(event: dict[str, Any], customer: str) -> bool:
    return event["data"]["object"].get("customer") == customer


# -- the magazine -----------------------------------------------------------------------------


def on(
    database: str,
    home: Path,
    base: str,
    bodies: list[list[dict[str, Any]]],
    chosen: argparse.Namespace,
) -> Row:
    home.mkdir()
    port = free_port()
    address = f"http://localhost:{port}"
    environment = {
        **os.environ, "STANDFIRST_HOME": str(home), "DATABASE_URL": database, "DEMO": "1",
        "SECRET_KEY": "for-benchmarks-" + "x" * 50, "BASE_URL": address,
        "EMAIL_URL": f"file://{home / 'outbox'}", "STRIPE_KEY": "sk_test_any", "STRIPE_API": base,
        "STRIPE_WEBHOOK_SECRET": SECRET, "DJANGO_SETTINGS_MODULE": "standfirst.project.settings",
    }  # fmt: skip
    os.environ.update(environment)
    say(f"{database.partition(':')[0] or 'sqlite'}: making tables")
    subprocess.run([*PROGRAM, "prepare"], check=True, stdout=subprocess.DEVNULL)
    look = [sys.executable, "-m", "bench.subscriptions.looking"]
    events = endless(bodies)
    with server([*PROGRAM, "serve", "--no-press", "--port", str(port)], f"{address}/healthz"):
        as_many("localhost", port, "/webhooks/nobody/", events, 404)  # Django wakes up
        bare = as_many("localhost", port, "/webhooks/nobody/", events, 404)
        most = as_many("localhost", port, "/webhooks/stripe/", events, 200)
        subprocess.run([*look, "forget"], check=True)
        worker = subprocess.Popen([*PROGRAM, "worker"], stderr=subprocess.DEVNULL)
        try:
            time.sleep(4)  # it begins
            say(f"{chosen.rate} events a second for {chosen.seconds} s")
            times, taken = at_rate("localhost", port, events, chosen.rate, chosen.seconds)
            said = subprocess.run([*look, "wait"], check=True, capture_output=True).stdout
        finally:
            worker.terminate()
            worker.wait(20)
    row: Row = json.loads(said)
    assert row.pop("events") == len(times), "an event was lost, or kept twice"
    return {
        "sent_s": round(len(times) / taken, 1),
        "p50_ms": part(times, 0.5),
        "p99_ms": part(times, 0.99),
        **row,
        "most_s": round(most),
        "bare_s": round(bare),
    }


def part(times: list[float], share: float) -> float:
    return round(sorted(times)[int(len(times) * share)] * 1000, 1)


# -- sending ----------------------------------------------------------------------------------


def endless(bodies: list[list[dict[str, Any]]]) -> Iterator[bytes]:
    """The same events again and again, each with an id of its own."""
    while True:
        for renewal in bodies:
            for event in renewal:
                yield json.dumps({**event, "id": f"evt_{next(_numbers)}"}).encode()


def post(connection: http.client.HTTPConnection, path: str, body: bytes, wanted: int) -> None:
    header = signature(body, SECRET, int(time.time()))
    named = {"Content-Type": "application/json", "Stripe-Signature": header}
    connection.request("POST", path, body, named)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == wanted, answer.status


def as_many(host: str, port: int, path: str, events: Iterator[bytes], wanted: int) -> float:
    """Posts a second, each connection sending the next when the last was answered."""
    lock, until = threading.Lock(), time.monotonic() + MOST

    def one(_: int) -> int:
        connection, done = http.client.HTTPConnection(host, port, timeout=30), 0
        while time.monotonic() < until:
            with lock:
                body = next(events)
            post(connection, path, body, wanted)
            done += 1
        return done

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return sum(pool.map(one, range(CONNECTIONS))) / MOST


def at_rate(
    host: str, port: int, events: Iterator[bytes], rate: int, seconds: int
) -> tuple[list[float], float]:
    """Seconds until each answer, from the moment its event was due; and how long all took."""
    bodies = [next(events) for _ in range(rate * seconds)]
    numbers, lock, times = iter(range(len(bodies))), threading.Lock(), []
    began = time.monotonic() + 0.2
    clock: Callable[[], float] = time.monotonic

    def one(_: int) -> None:
        connection = http.client.HTTPConnection(host, port, timeout=30)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            due = began + number / rate
            time.sleep(max(0.0, due - clock()))
            post(connection, "/webhooks/stripe/", bodies[number], 200)
            times.append(clock() - due)

    with ThreadPoolExecutor(CONNECTIONS * 2) as pool:
        list(pool.map(one, range(CONNECTIONS * 2)))
    return times, clock() - began
