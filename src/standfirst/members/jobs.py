"""Mail to members, sent by the worker."""

from django_tasks import task


@task()
def send_confirmation(member: int, article: int | None = None) -> None:
    """Ask a member to confirm their address."""


@task()
def send_sign_in_link(member: int, next: str = "/") -> None:
    """Mail a sign-in link."""


@task()
def send_farewell(email: str) -> None:
    """Confirm that an account was deleted."""
