"""How the stand-in answers: strictly, once for a key, in pages, and badly when asked to."""

import importlib
import inspect
import json
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import stripe

from standfirst.subscriptions.standin import API_VERSION
from standfirst.subscriptions.standin.forms import nest
from standfirst.subscriptions.standin.routes import ROUTES, Route
from standfirst.subscriptions.standin.rules import boundary, later, reduced, share, shown
from tests.servers import free_port
from tests.standin.conftest import NEW_YEAR, House

# -- strictness -----------------------------------------------------------------------------------


def test_the_sdk_and_the_stand_in_speak_the_same_version() -> None:
    assert stripe.api_version == API_VERSION


def params_of(route: Route) -> type:
    """The SDK's own class for the parameters of an address."""
    parts = route.path.removeprefix("/v1/").split("/")
    folder = parts.pop(0) if parts[0] in ("checkout", "billing_portal", "test_helpers") else ""
    noun = parts[0][: -2 if parts[0].endswith("sses") else -1]
    verbs = {("GET", 1): "list", ("POST", 1): "create", ("GET", 2): "retrieve",
            ("POST", 2): "update", ("DELETE", 2): "delete"}  # fmt: skip
    verb = verbs.get((route.method, len(parts)), parts[-1])
    if route.path.endswith("/line_items"):
        noun, verb = "session", "line_item_list"
    if (noun, verb) == ("subscription", "delete"):
        verb = "cancel"
    if parts[-1] == "create_preview":
        verb = "create_preview"
    if verb == "finalize":
        verb = "finalize_invoice"
    if verb == "void":
        verb = "void_invoice"
    name = f"{noun}_{verb}_params"
    module = importlib.import_module(".".join(filter(None, ["stripe.params", folder, f"_{name}"])))
    return getattr(module, "".join(word.capitalize() for word in name.split("_")))


def unknown(spec: Any, kind: type, where: str) -> list[str]:
    """Parameters and words that the stand-in takes and the SDK does not know."""
    known: dict[str, Any] = {}
    for one in reversed(kind.__mro__):
        known |= getattr(one, "__annotations__", {})
    found = []
    for name, inner in spec.items():
        if name not in known:
            found.append(f"{where}[{name}]")
            continue
        text = known[name] if isinstance(known[name], str) else str(known[name])
        inner = inner[0] if isinstance(inner, list) else inner
        if isinstance(inner, tuple) and "Literal" in text:
            found += [f"{where}[{name}]={word}" for word in inner if f"'{word}'" not in text]
        whole = re.search(r"[(\[]['\"](?:None\|)?\w+Params[A-Z]\w*['\"][)\]]", text)
        if whole and not isinstance(inner, dict):
            found.append(f"{where}[{name}] has fields: {text}")
        if isinstance(inner, dict):
            fields = inner.get("*", inner)
            module = sys.modules[kind.__module__]
            kinds = [getattr(module, word) for word in re.findall(r"\w*Params\w+", text)
                     if hasattr(module, word)]  # fmt: skip
            assert kinds or name == "created", f"{where}[{name}] of {text}"
            found += min((unknown(fields, one, f"{where}[{name}]") for one in kinds),
                         key=len, default=[])  # fmt: skip
    return found


OFFICIAL = [one for one in ROUTES if one.path.startswith("/v1/")]


@pytest.mark.parametrize("route", OFFICIAL, ids=lambda one: f"{one.method} {one.path}")
def test_no_parameter_is_taken_that_the_sdk_does_not_know(route: Route) -> None:
    kind = params_of(route)
    assert inspect.isclass(kind)
    assert not unknown(route.spec, kind, route.path)


def test_what_is_unknown_wrong_or_missing_is_refused_by_name(house: House) -> None:
    cases: list[tuple[Any, str, str | None]] = [
        (lambda: house.v.customers.create({"emial": "x"}), "emial", "parameter_unknown"),
        (lambda: house.v.prices.create({"currency": "eur", "product": house.product.id}),
         "unit_amount", "parameter_missing"),
        (lambda: house.checkout(subscription_data={"proration": "x"}),
         "subscription_data[proration]", "parameter_unknown"),
        (lambda: house.v.customers.list({"limit": 101}), "limit", None),
        (lambda: house.price(1, "fortnight"), "recurring[interval]", None),
        (lambda: house.price(-1, "month"), "unit_amount", None),
        (lambda: house.v.prices.create({"currency": "xxx", "product": house.product.id,
                                        "unit_amount": 1}), "currency", None),
        (lambda: house.v.subscriptions.create({"customer": "cus_none", "items": [{"price": "x"}]}),
         "customer", "resource_missing"),
        (lambda: house.v.customers.retrieve("cus_none"), "id", "resource_missing"),
        (lambda: house.v.products.retrieve(house.product.id, {"expand": ["name"]}), "expand", None),
    ]  # fmt: skip
    for call, param, code in cases:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            call()
        assert (refused.value.param, refused.value.code) == (param, code)
        assert refused.value.http_status == (404 if param == "id" else 400)
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        house.v.payment_links.list()


def test_live_keys_no_keys_and_other_versions_are_refused(house: House) -> None:
    for key in ("sk_live_x", "nonsense"):
        with pytest.raises(stripe.AuthenticationError):
            stripe.StripeClient(key, base_addresses={"api": house.base}).v1.customers.list()
    with pytest.raises(stripe.InvalidRequestError, match="no other version"):
        house.v.customers.list(options={"stripe_version": "2024-06-20"})


def test_odd_requests_get_an_answer(house: House) -> None:
    odd = (("/v1/customers", "a[=b"), ("/v1/customers", "[]=b"), ("/pay/nobody", "x=1"),
           ("/portal/%00", "x"), ("/../etc/passwd", ""), ("/invoice/x/pdf", "y"))  # fmt: skip
    for target, body in odd:
        status = house.ask("POST", target, body, Authorization="Bearer sk_test_x")[0]
        assert status in (400, 404)
    assert nest([("a[b][]", "1"), ("a[b][]", "2")]) == {"a": {"b": {"0": "1", "1": "2"}}}
    session = house.checkout(customer_email='"><script>@x.test')
    assert "<script>" not in house.page(session.url)[2]


def test_lists_come_in_pages_newest_first(house: House) -> None:
    made = [house.v.customers.create({"email": f"{n}@x.test"}).id for n in range(7)][::-1]
    first = house.v.customers.list({"limit": 3})
    assert ([one.id for one in first.data], first.has_more) == (made[:3], True)
    after = house.v.customers.list({"limit": 3, "starting_after": made[2]})
    assert [one.id for one in after.data] == made[3:6]
    before = house.v.customers.list({"limit": 3, "ending_before": made[6]})
    assert [one.id for one in before.data] == made[3:6]
    every = house.v.customers.list({"limit": 2}).auto_paging_iter()
    assert [one.id for one in every] == made
    assert [one.email for one in house.v.customers.list({"email": "4@x.test"}).data] == ["4@x.test"]
    assert not house.v.customers.list({"created": {"gt": int(time.time()) + 9}}).data


def test_prices_are_found_by_a_key_that_can_be_handed_over(house: House) -> None:
    first = house.price(900, "month", lookup_key="basic")
    with pytest.raises(stripe.InvalidRequestError, match="lookup key"):
        house.price(950, "month", lookup_key="basic")
    second = house.price(950, "month", lookup_key="basic", transfer_lookup_key=True)
    found = house.v.prices.list({"lookup_keys": ["basic"], "expand": ["data.product"]}).data
    assert [(one.id, one.product.name) for one in found] == [(second.id, "All-Access")]
    options = house.v.prices.retrieve(house.monthly.id, {"expand": ["currency_options"]})
    amounts = {name: one["unit_amount"] for name, one in options.currency_options.to_dict().items()}
    assert amounts == {"eur": 1000, "jpy": 1500}
    house.v.prices.update(first.id, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="not active"):
        house.subscribe(house.customer(), first)


# -- once -----------------------------------------------------------------------------------------


def test_a_key_makes_a_request_happen_once(house: House) -> None:
    one = house.v.customers.create({"email": "a@x.test"}, {"idempotency_key": "k1"})
    two = house.v.customers.create({"email": "a@x.test"}, {"idempotency_key": "k1"})
    assert (one.id, two.last_response.headers["Idempotent-Replayed"]) == (two.id, "true")
    with pytest.raises(stripe.IdempotencyError) as refused:
        house.v.customers.create({"email": "b@x.test"}, {"idempotency_key": "k1"})
    assert refused.value.http_status == 400
    someone = house.customer("pm_card_chargeCustomerFail")
    sub = house.subscribe(someone)
    for _ in range(2):  # a declined payment is declined again, and not tried again
        with pytest.raises(stripe.CardError):
            house.v.invoices.pay(sub.latest_invoice, options={"idempotency_key": "k2"})
    assert len(house.v.charges.list().data) == 2  # at the subscription's begin, and once by k2


def test_a_key_that_is_in_use_is_refused_and_does_not_wait(house: House) -> None:
    house.steer("/faults", path="/v1/customers", kind="timeout", seconds=0.5)
    options: Any = {"idempotency_key": "busy"}
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(lambda: house.v.customers.create({"email": "a@x.test"}, options))
        while json.loads(house.ask("GET", "/standin", "")[2])["faults"]:
            time.sleep(0.01)
        with pytest.raises(stripe.StripeError) as refused:
            house.v.customers.create({"email": "a@x.test"}, options)
        assert isinstance(refused.value, stripe.APIError)  # so the SDK takes a 409
        assert refused.value.http_status == 409
        assert refused.value.error.code == "idempotency_key_in_use"
        assert isinstance(slow.exception(), stripe.APIConnectionError)
    assert house.v.customers.create({"email": "a@x.test"}, options).email == "a@x.test"


def test_twenty_at_once_with_one_key_are_one(house: House) -> None:
    someone = house.customer()
    start = threading.Barrier(20)

    def join(_: int) -> str:
        start.wait()
        for _ in range(200):
            try:
                given = {"customer": someone.id, "items": [{"price": house.monthly.id}]}
                return house.v.subscriptions.create(given, {"idempotency_key": "join"}).id
            except stripe.StripeError as error:  # the SDK can do this by itself (409)
                if error.http_status != 409:
                    raise
                time.sleep(0.01)
        raise AssertionError("never answered")

    with ThreadPoolExecutor(20) as pool:
        assert len(set(pool.map(join, range(20)))) == 1
    assert len(house.v.charges.list().data) == 1


# -- faults ---------------------------------------------------------------------------------------


def test_faults_before_and_after_the_work_was_done(house: House) -> None:
    someone = house.customer()

    def join(key: str) -> Any:
        given = {"customer": someone.id, "items": [{"price": house.monthly.id}]}
        return house.v.subscriptions.create(given, {"idempotency_key": key})

    there = {"path": "/v1/subscriptions", "method": "POST"}
    for fault, kind in (({"kind": "error"}, stripe.APIError),
                        ({"kind": "rate_limit"}, stripe.RateLimitError),
                        ({"kind": "drop"}, stripe.APIConnectionError),
                        ({"kind": "timeout", "seconds": 0.1}, stripe.APIConnectionError),
                       ):  # fmt: skip
        house.steer("/faults", **there, **fault)
        with pytest.raises(kind):
            join("before")
    assert not house.v.charges.list().data
    house.steer("/faults", **there, kind="drop", when="after")
    with pytest.raises(stripe.APIConnectionError):
        join("lost")
    assert len(house.v.charges.list().data) == 1  # the money was taken
    assert join("lost").status == "active"
    house.steer("/faults", **there, kind="error", when="after")
    for _ in range(2):  # an error is an answer too, and stays one
        with pytest.raises(stripe.APIError):
            join("failed")
    assert len(house.v.charges.list().data) == 2
    house.steer("/forget", id=house.product.id)
    with pytest.raises(stripe.InvalidRequestError):
        house.v.products.retrieve(house.product.id)


@pytest.mark.attack
def test_what_was_paid_outlives_kill_9(tmp_path: Path) -> None:
    """Killed while it is asked: what it answered is there, and nothing is halved."""
    port = free_port()
    command = [sys.executable, "-m", "standfirst.subscriptions.standin", "--quiet",
               "--port", str(port), "--file", str(tmp_path / "standin.sqlite3"),
               "--webhook", f"http://127.0.0.1:{free_port()}/", "--secret", "whsec_x"]  # fmt: skip

    def begin() -> subprocess.Popen[bytes]:
        program = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert program.stdout
        assert b"No money moves" in program.stdout.readline()
        return program

    program, house = begin(), House(f"http://127.0.0.1:{port}")
    try:
        house.stock()
        someone = house.customer()
        answered: list[str] = []

        def join(number: int) -> None:
            try:
                given = {"customer": someone.id, "items": [{"price": house.monthly.id}]}
                answered.append(
                    house.v.subscriptions.create(given, {"idempotency_key": f"key{number}"}).id
                )
            except stripe.APIConnectionError:
                pass

        with ThreadPoolExecutor(4) as pool:
            work = [pool.submit(join, number) for number in range(40)]
            while len(answered) < 5:
                time.sleep(0.005)
            program.send_signal(signal.SIGKILL)
            for one in work:
                one.result()
        program.wait()
        assert 5 <= len(answered) < 40
        program = begin()
        assert len(house.v.webhook_endpoints.list().data) == 1
        before = {one.id for one in house.v.subscriptions.list({"limit": 100}).data}
        assert set(answered) <= before
        charges = house.v.charges.list({"limit": 100}).data
        assert len(charges) == len(before)
        for number in range(40):  # the same keys again: what was done is told, the rest done
            join(number)
        subs = house.v.subscriptions.list({"limit": 100}).data
        assert len(subs) == 40 == len(house.v.charges.list({"limit": 100}).data)
        assert before <= {one.id for one in subs}
        invoices = house.v.invoices.list({"limit": 100}).data
        assert {one.status for one in invoices} == {"paid"}
        assert len({one.number for one in invoices}) == 40
    finally:
        program.kill()
        program.wait()


# -- arithmetic -----------------------------------------------------------------------------------


def test_money_is_exact() -> None:
    assert [share(1000, 1, 3), share(5, 1, 2), share(-5, 1, 2), share(99_999_999, 1, 1)] == [
        333, 3, -3, 99_999_999]  # fmt: skip
    coupon: dict[str, Any] = {"percent_off": 12.5, "amount_off": None, "currency": None}
    assert [reduced(999, coupon, "eur"), reduced(-5, coupon, "eur")] == [125, 0]
    coupon = {"percent_off": None, "amount_off": 5000, "currency": "eur", "_currency_options": {}}
    assert [reduced(999, coupon, "eur"), reduced(999, coupon, "usd")] == [999, 0]
    assert [shown(1999, "eur"), shown(-5, "usd"), shown(1999, "jpy"), shown(1234567, "kwd")] == [
        "EUR 19.99", "USD -0.05", "JPY 1,999", "KWD 1,234.567"]  # fmt: skip
    leap = 1709164800  # 29 February 2024
    assert later(leap, "year", 1) == 1740700800  # 28 February 2025
    month = {"interval": "month", "interval_count": 1}
    assert boundary(NEW_YEAR, month, NEW_YEAR) == later(NEW_YEAR, "month", 1)
