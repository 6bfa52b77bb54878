"""Mail about bills by bank transfer, sent by the worker to whom they bill."""

from django_tasks import TaskContext, task

from standfirst.members.mail import send_once
from standfirst.publication.money import written
from standfirst.publication.queries import the_publication
from standfirst.subscriptions.models.billing import IssuedBill
from standfirst.subscriptions.providers.invoice import page_of

FOLDER = "subscriptions/mail"


@task(takes_context=True)
def mail_bill(context: TaskContext, bill: int, letter: str) -> None:
    """Mail a bill (`letter` is “bill”), a credit note (“credit”) or a reminder (its days).

    Nothing is mailed of a bill that was paid or cancelled before its letter's turn came.
    """
    found = (
        IssuedBill.objects.filter(pk=bill)
        .select_related("subscription__billed_to", "subscription__member", "cancels")
        .first()
    )
    if found is None or (letter != "credit" and not found.is_waiting and letter != "bill"):
        return
    if letter == "bill" and found.is_cancelled:
        return
    kind = letter if letter in {"bill", "credit"} else "reminder"
    agreed, reader = found.subscription.billed_to, found.subscription.member
    send_once(
        str(context.task_result.id),
        f"bill_{kind}",
        agreed.email,
        folder=FOLDER,
        bill=found,
        gross=written(found.gross, found.currency, the_publication().language),
        reader="" if reader is None or reader.email == agreed.email else reader.email,
        days=letter,
        link=page_of(found),
    )
