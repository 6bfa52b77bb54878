"""A link in mail by which a purchase can be withdrawn from, without signing in."""

from django.conf import settings
from django.core import signing
from django.urls import reverse

from standfirst.subscriptions.models import Subscription


def _signer() -> signing.Signer:
    return signing.Signer(salt="standfirst.subscriptions.withdraw")


def withdrawal_token(subscription: Subscription) -> str:
    """It names one purchase and does nothing else; how long it counts, the rules say."""
    return _signer().sign_object(subscription.pk)


def withdrawal_link(subscription: Subscription) -> str:
    """The full address of the page that it leads to."""
    path = reverse("withdraw_link", args=[withdrawal_token(subscription)])
    return f"{settings.WAGTAILADMIN_BASE_URL}{path}"


def read_withdrawal_token(token: str) -> Subscription | None:
    """The purchase that a token names; None for one that is not ours."""
    try:
        number = _signer().unsign_object(token)
    except (signing.BadSignature, ValueError):
        return None
    found = Subscription.objects.select_related("plan", "member").filter(pk=number)
    return found.first() if isinstance(number, int) else None
