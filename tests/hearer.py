"""What processes of `tests.apart` do with events of the provider."""

import sys
import time
from datetime import timedelta
from pathlib import Path

from django.test import Client

from standfirst.subscriptions.actions import hearing
from standfirst.subscriptions.jobs.listening import handle_some
from standfirst.subscriptions.models import WebhookEvent


def hear(file: Path) -> None:
    """Post the events of a file (header, tab, body; a line each) once it is told to; says each
    answer's status."""
    print("ready")
    sys.stdin.readline()  # all begin together
    client = Client()
    for line in file.read_text().splitlines():
        header, _, body = line.partition("\t")
        named = {"stripe-signature": header}
        answer = client.post("/webhooks/stripe/", body, "application/json", headers=named)
        print(answer.status_code)


def work() -> None:
    """Handle what waits, until it is killed or nothing is left; says how many, and "done"."""
    hearing.LEASE, hearing.AT_ONCE = timedelta(seconds=0.5), 3
    while WebhookEvent.objects.filter(progress="new").exists():
        print(handle_some())
        time.sleep(0.01)
    print("done")
