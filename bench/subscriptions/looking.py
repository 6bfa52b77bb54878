"""Looks into the magazine that the environment names: `wait` until all events are handled and print
how long that took; `forget` them; `copy` the provider's one subscription so many times."""

import json
import sys
import time
from typing import Any

import django


def main() -> None:
    django.setup()
    from standfirst.subscriptions.models import WebhookEvent

    if sys.argv[1] == "copy":
        copy(int(sys.argv[2]))
        return
    if sys.argv[1] == "forget":
        WebhookEvent.objects.all().delete()
        return
    until = time.monotonic() + 120
    while WebhookEvent.objects.filter(progress="new").exists():
        assert time.monotonic() < until, "events were not handled in time"
        time.sleep(0.2)
    rows = WebhookEvent.objects.values_list("received_at", "handled_at", "progress")
    found = list(rows)
    assert {progress for _, _, progress in found} <= {"handled", "ignored"}
    took = sorted((after - before).total_seconds() for before, after, _ in found)
    last, began = max(row[1] for row in found), max(row[0] for row in found)
    print(
        json.dumps(
            {
                "events": len(found),
                "handled_p50_s": round(took[len(took) // 2], 2),
                "handled_p99_s": round(took[int(len(took) * 0.99)], 2),
                "left_over_s": round((last - began).total_seconds(), 2),
            }
        )
    )


def copy(many: int) -> None:
    """Follow the provider's first subscription, and copy ours as the provider's were."""
    from standfirst.members.models import Member
    from standfirst.publication.models import Publication
    from standfirst.subscriptions.actions import follow_all
    from standfirst.subscriptions.models import Bill, Subscription
    from standfirst.subscriptions.providers import for_readers

    Publication.objects.first() or Publication().save()
    provider = for_readers()
    assert provider
    shortest = min((one.id for one in provider.subscriptions()), key=len)
    ours = follow_all(provider, shortest, by="a benchmark")
    bill = ours.bills.get()
    name, first = ours.provider_id, bill.provider_id
    customer = ours.customer
    Member.objects.bulk_create(Member(email=f"m{n}@example.org") for n in range(many))
    members = list(Member.objects.order_by("pk").values_list("pk", flat=True))
    Subscription.objects.filter(pk=ours.pk).update(member=members[0])
    copies, bills = [], []
    for number in range(1, many):
        ours.pk, ours.member_id = None, members[number]
        ours.provider_id, ours.customer = f"{name}{number}", f"{customer}{number}"
        copies.append(Subscription(**_fields(ours)))
    Subscription.objects.bulk_create(copies, batch_size=500)
    for number, row in enumerate(copies, 1):
        bill.pk, bill.provider_id, bill.subscription = None, f"{first}{number}", row
        bills.append(Bill(**_fields(bill)))
    Bill.objects.bulk_create(bills, batch_size=500)


def _fields(row: Any) -> dict[str, Any]:
    return {one.attname: getattr(row, one.attname) for one in row._meta.concrete_fields}


if __name__ == "__main__":
    main()
