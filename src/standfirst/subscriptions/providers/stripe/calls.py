"""Asking Stripe: with patience, once for a key, and with answers and errors of our own kinds.

Plain dicts come back, so that nothing of the SDK travels further than this package.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import stripe

from standfirst.subscriptions.providers.base import Refused, Unreachable

API_VERSION = "2026-10-28.endive"
Thing = dict[str, Any]

# Seconds to connect and to wait for an answer. A bank may take its time when money is taken.
READING, WRITING = (3.05, 6.0), (3.05, 15.0)
# Seconds before the same is asked again, unless that much time has gone already.
PAUSES, LONG = (0.1, 0.4, 1.0), 3.0

stripe.enable_telemetry = False


class Calls:
    """The SDK's client behind a few verbs. Reading takes the SDK's raw answers: its objects cost
    ten times as much as all the rest, and would be turned into dicts at once."""

    def __init__(
        self, key: str, address: str = "", *, reading: tuple[float, float] = READING,
        writing: tuple[float, float] = WRITING, pauses: tuple[float, ...] = PAUSES,
    ) -> None:  # fmt: skip
        self._pauses = pauses
        self._reader = _client(key, address, reading)
        self._writer = _client(key, address, writing)

    @property
    def writes(self) -> Any:
        """The services that change something."""
        return self._writer.v1

    def read(self, path: str, *ids: str, **params: Any) -> Thing:
        """What stands at an address such as "invoices/{}". Raises Unreachable and Refused."""
        return self._read("get", path, ids, params)

    def work_out(self, path: str, **params: Any) -> Thing:
        """As `read`, for a question that is put by POST and changes nothing."""
        return self._read("post", path, (), params)

    def _read(self, method: str, path: str, ids: tuple[str, ...], params: Thing) -> Thing:
        # Ids come from readers' addresses too; "" or "." would be the address of a list.
        if not all(re.fullmatch(r"[A-Za-z0-9_-]{1,255}", one) for one in ids):
            raise Refused("Stripe has no such ids.", "resource_missing")
        address = "/v1/" + path.format(*ids)
        answer: Thing = self._patiently(self._reader.raw_request, method, address, **params).data
        return answer

    def find(self, path: str, *ids: str, **params: Any) -> Thing | None:
        """As `read`; None where Stripe does not know the id."""
        try:
            return self.read(path, *ids, **params)
        except Refused as refused:
            if refused.code == "resource_missing":
                return None
            raise

    def each(self, path: str, **params: Any) -> Iterator[Thing]:
        """All of a list, newest first; a page of a hundred is held at a time."""
        asked = {"limit": 100, **params}
        while True:
            page = self.read(path, **asked)
            yield from page["data"]
            if not page["has_more"]:
                return
            asked["starting_after"] = page["data"][-1]["id"]

    def do(self, call: Callable[..., Any], *args: Any) -> Thing:
        """What may be done any number of times, without a key."""
        answer: Thing = self._patiently(call, *args).to_dict()
        return answer

    def write(
        self, key: str, call: Callable[..., Any], *args: Any, params: Mapping[str, Any],
        unless: Callable[[], bool] = lambda: False,
    ) -> "Answer":  # fmt: skip
        """Do it once for this key; an empty answer where it turned out to be done.

        Stripe keeps an error of its own (500) for a key like any answer, so that the key would be
        lost. One that was kept from an *earlier* call is left behind for a key made from it, since
        whoever calls has looked before that the thing is not done. What must not be done twice
        looks again (`unless`): another one may have got that error in the meantime.
        """
        for turn in ("", ".2", ".3", ".4"):
            options = {"idempotency_key": key + turn}
            try:
                return Answer.of(self._patiently(call, *args, params, options, writing=True))
            except _KeptError as kept:
                last = kept
                if unless():
                    return Answer()
        raise Unreachable(str(last))

    def _patiently(
        self, call: Callable[..., Any], *args: Any, writing: bool = False, **params: Any
    ) -> Any:
        """Ask, and ask again where that can help, can't harm, and nobody has waited for long."""
        began = time.monotonic()
        for attempt, pause in enumerate((*self._pauses, None)):
            try:
                return call(*args, **params)
            except stripe.StripeError as error:
                status = error.http_status or 0
                if writing and attempt == 0 and status >= 500 and _replayed(error):
                    raise _KeptError(_sentence(error)) from None
                late = time.monotonic() - began > LONG
                if pause is None or late or not _worth_another_try(error, status, writing):
                    raise _ours(error, status) from None
            time.sleep(pause)
        raise AssertionError("not reached")


class Answer(dict[str, Any]):
    """What was answered; `replayed` where it is an earlier answer for the same key."""

    replayed = False

    @classmethod
    def of(cls, thing: Any) -> Self:
        answer = cls(thing.to_dict())
        answer.replayed = thing.last_response.headers.get("Idempotent-Replayed") == "true"
        return answer


class _KeptError(Unreachable):
    """An error of Stripe's that was kept for the key from an earlier call."""


def _client(key: str, address: str, timeout: tuple[float, float]) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        stripe_version=API_VERSION,
        base_addresses={"api": address.rstrip("/")} if address else None,
        max_network_retries=0,  # asked again here, where it is known what that means
        http_client=stripe.RequestsClient(timeout=timeout),
    )


def _replayed(error: stripe.StripeError) -> bool:
    headers: Mapping[str, str] = error.headers or {}
    return headers.get("Idempotent-Replayed") == "true"


def _worth_another_try(error: stripe.StripeError, status: int, writing: bool) -> bool:
    """A lost connection, a key in use, a lock, too many requests: yes. An error of theirs is kept
    for a key, so asking again would give nothing but the same."""
    if isinstance(error, stripe.APIConnectionError):
        return bool(error.should_retry)
    return status in (409, 429) or (status >= 500 and not writing)


def _ours(error: stripe.StripeError, status: int) -> Unreachable | Refused:
    sentence = _sentence(error)
    if isinstance(error, stripe.APIConnectionError):
        return Unreachable("Stripe cannot be reached, or does not answer in time.")
    if status in (409, 429) or status >= 500:
        return Unreachable(sentence)
    if status in (401, 403):
        return Refused(f"{sentence} Look at STRIPE_KEY.", "key_refused")
    if not status:
        return Unreachable(sentence)
    return Refused(sentence, code_of(error))


def code_of(error: stripe.StripeError) -> str:
    """Stripe's word for why."""
    body = error.json_body if isinstance(error.json_body, dict) else {}
    said = body.get("error")
    if not isinstance(said, dict):
        return ""
    return str(said.get("code") or said.get("type") or "")


def _sentence(error: stripe.StripeError) -> str:
    said = " ".join(str(error.user_message or "no reason").split())
    return f"Stripe answers: {said}"
