"""What is sold, as it should stand at Stripe."""

from collections.abc import Iterator

from standfirst.subscriptions.providers.base import Catalogue, Difference, Refused
from standfirst.subscriptions.providers.stripe.calls import Calls


def differences(calls: Calls, catalogue: Catalogue) -> list[Difference]:
    raise Refused("The catalogue of Stripe can not be brought in line yet.", "not_yet")


def bring_in_line(calls: Calls, catalogue: Catalogue) -> Iterator[tuple[str, int, str]]:
    raise Refused("The catalogue of Stripe can not be brought in line yet.", "not_yet")
