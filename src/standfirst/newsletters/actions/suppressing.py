"""The suppression list by hand. One verb, one transaction; who did it and why stands in the
newsroom's history."""

from datetime import datetime

from django.db import transaction
from wagtail.log_actions import log

from standfirst.members.models import Member
from standfirst.newsletters.actions.hearing import suppress
from standfirst.newsletters.models import Suppression

STOPPED, LIFTED = "newsletters.stop", "newsletters.lift"


def stop(address: str, why: str, *, by: Member | None, now: datetime) -> bool:
    """Let no newsletter go to an address any more. Says whether one did until now."""
    with transaction.atomic():
        if not suppress(address, Suppression.Reason.BY_HAND, why, now):
            return False
        row = Suppression.objects.get(address__iexact=address)
        log(instance=row, action=STOPPED, user=by, data={"said": f"{address}: {why}"})
    return True


def lift(pk: int, why: str, *, by: Member | None) -> bool:
    """Let newsletters go to an address again, of those that its owner says yes to. Says whether it
    was on the list."""
    with transaction.atomic():
        row = Suppression.objects.select_for_update().filter(pk=pk).first()
        if row is None:
            return False
        said = f"{row.address}, where {row.get_reason_display()}: {why}"
        log(instance=row, action=LIFTED, user=by, data={"said": said}, deleted=True)
        row.delete()
    return True
