"""The providers of payments that this magazine is set up with."""

from functools import cache

from django.conf import settings
from django.core.signals import setting_changed

from standfirst.subscriptions.providers.base import Provider


def by_name(name: str) -> Provider:
    """The provider of this name. Raises LookupError, with a sentence, for one that is not set
    up."""
    if name == "invoice":
        # Not at the top: its books are tables, and Django reads this folder before it has any.
        from standfirst.subscriptions.providers.invoice import Invoice

        return Invoice()
    found = for_readers()
    if found is None or found.name != name:
        raise LookupError(f"No provider “{name}” is set up. For Stripe, set STRIPE_KEY.")
    return found


@cache
def for_readers() -> Provider | None:
    """The provider readers pay with, made from the settings; None where none is set up."""
    if not settings.STRIPE_KEY:
        return None
    from standfirst.subscriptions.providers.stripe import Stripe

    return Stripe(settings.STRIPE_KEY, settings.STRIPE_WEBHOOK_SECRETS, settings.STRIPE_API)


def _forget(setting: str, **_: object) -> None:
    if setting.startswith("STRIPE_"):
        for_readers.cache_clear()


setting_changed.connect(_forget)  # sent by tests alone
