"""A process that hears or handles events on the test's database.

python -m tests.hearer hear FILE     posts the events of a file (header, tab, body; a line each)
python -m tests.hearer work          handles what waits, until it is killed or nothing is left
"""

import sys
from datetime import timedelta
from pathlib import Path

import django


def main() -> None:
    django.setup()
    print("ready", flush=True)
    if sys.argv[1] == "hear":
        hear(Path(sys.argv[2]))
    else:
        work()


def hear(file: Path) -> None:
    from django.test import Client

    sys.stdin.readline()  # all begin together
    client = Client()
    for line in file.read_text().splitlines():
        header, _, body = line.partition("\t")
        named = {"stripe-signature": header}
        answer = client.post("/webhooks/stripe/", body, "application/json", headers=named)
        print(answer.status_code, flush=True)


def work() -> None:
    import time

    from standfirst.subscriptions.actions import hearing
    from standfirst.subscriptions.jobs.listening import handle_some
    from standfirst.subscriptions.models import WebhookEvent

    hearing.LEASE, hearing.AT_ONCE = timedelta(seconds=0.5), 3
    while WebhookEvent.objects.filter(progress="new").exists():
        print(handle_some(), flush=True)
        time.sleep(0.01)
    print("done", flush=True)


if __name__ == "__main__":
    main()
