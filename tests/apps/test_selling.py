"""What is sold, in the newsroom and at the provider."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from wagtail.models import ModelLogEntry

from standfirst.articles.actions import set_up_magazine
from standfirst.project.checks import _prices
from standfirst.subscriptions import providers
from standfirst.subscriptions.actions.catalogue import bring_in_line, differences, note, wanted
from standfirst.subscriptions.models import AtProvider, Coupon, Plan, Price, Subscription
from standfirst.subscriptions.providers.base import Unreachable
from standfirst.subscriptions.providers.stripe import Stripe
from standfirst.subscriptions.queries import for_sale, lowest_price
from tests.making import make_member
from tests.standin.conftest import House
from tests.stripes import house, provider, running, standin_house

__all__ = ["house", "provider", "running", "standin_house"]  # fixtures

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor() -> Client:
    set_up_magazine()
    member = make_member(is_staff=True)
    member.groups.add(Group.objects.get(name="Editors"))
    client = Client()
    client.force_login(member)
    return client


def row(amount: str = "", **more: Any) -> dict[str, Any]:
    sent = {
        "amount": amount,
        "currency": "EUR",
        "interval": "month",
        "is_offered": "on",
        **more,
    }
    return {name: value for name, value in sent.items() if value is not None}


def form(*rows: dict[str, Any], kept: int = 0, **fields: Any) -> dict[str, Any]:
    """What the plan's form sends; the first `kept` rows are prices that were there."""
    sent: dict[str, Any] = {
        "name": "All-Access",
        "promise": "Everything\nAlways",
        "offered_to": "everyone",
        "countries": "",
        "trial_days": "0",
        "position": "1",
        "is_offered": "on",
        **fields,
        "prices-TOTAL_FORMS": len(rows),
        "prices-INITIAL_FORMS": kept,
    }
    for number, one in enumerate(rows):
        sent |= {f"prices-{number}-{name}": value for name, value in one.items()}
    return {name: value for name, value in sent.items() if value is not None}


def as_it_stands(price: Price, amount: str, **more: Any) -> dict[str, Any]:
    return row(amount, price=price.pk, interval=price.interval, currency=price.currency, **more)


def add(editor: Client, *rows: dict[str, Any], **fields: Any) -> Any:
    return editor.post("/newsroom/plans/new/", form(*rows, **fields))


def offered() -> list[tuple[str, str, int, bool]]:
    rows = Price.objects.order_by("pk")
    return [(one.currency, one.interval, one.amount, one.is_offered) for one in rows]


# -- the newsroom -----------------------------------------------------------------------------


def test_an_editor_makes_a_plan_with_prices_as_people_write_them(editor: Client) -> None:
    assert editor.get("/newsroom/plans/new/").status_code == 200
    answer = add(
        editor,
        row("9.50", introductory_amount="1", introductory_periods="3"),
        row("95", interval="year"),
        row("1500", currency="JPY"),
        row(),  # left empty
        trial_days="14",
    )
    assert answer.status_code == 302, answer.content.decode()
    plan = Plan.objects.get()
    assert offered() == [
        ("EUR", "month", 950, True),
        ("EUR", "year", 9500, True),
        ("JPY", "month", 1500, True),
    ]
    first = plan.prices.get(currency="EUR", interval="month")
    assert (first.introductory_amount, first.introductory_periods) == (100, 3)
    logged = ModelLogEntry.objects.filter(object_id=str(plan.pk)).order_by("pk")
    assert [entry.action for entry in logged] == ["wagtail.create", "subscriptions.sold"]
    assert "€9.50 a month: added." in logged[1].message
    assert logged[1].user is not None
    page = editor.get(f"/newsroom/plans/edit/{plan.pk}/").content.decode()
    assert 'value="9.50"' in page
    assert 'value="1500"' in page
    assert page.index('value="EUR"') < page.index('value="AED"')  # the magazine's own first
    assert "€9.50 a month, €95.00 a year, JP¥1,500 a month" in editor.get(
        "/newsroom/plans/"
    ).content.decode().replace("¥1,500", "JP¥1,500").replace("JPJP", "JP")
    assert editor.get(f"/newsroom/plans/history/{plan.pk}/").status_code == 200


@pytest.mark.parametrize(
    ("rows", "fields", "sentence"),
    [
        ([row("nine")], {}, "is not an amount"),
        ([row("9.505")], {}, "EUR has at most 2 decimals"),
        ([row("1500.5", currency="JPY")], {}, "JPY has no decimals"),
        ([row("0")], {}, "A price is more than nothing"),
        ([row("-9")], {}, "An amount is not less than nothing"),
        ([row("99999999999")], {}, "more than can be paid at once"),
        ([row("9", introductory_amount="9", introductory_periods="1")], {}, "is lower than"),
        ([row("9", introductory_amount="1")], {}, "Say how many payments"),
        ([row("9", introductory_periods="2")], {}, "Write what these payments cost"),
        ([row("", introductory_periods="2")], {}, "Write an amount, such as 9.50"),
        ([row("9"), row("8")], {}, "another offered price in EUR for a month"),
        ([row("9")], {"offered_to": "region"}, "Name the countries"),
        ([row("9")], {"offered_to": "region", "countries": "AT, XX"}, "“XX” is not a country"),
        ([row("9")], {"countries": "AT"}, "alone"),
        ([row("9")], {"trial_days": "400"}, "365"),
        ([row("9")], {"name": ""}, "This field is required"),
    ],
)
def test_every_mistake_has_a_sentence_and_saves_nothing(
    editor: Client, rows: list[Any], fields: Any, sentence: str
) -> None:
    answer = add(editor, *rows, **fields)
    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert not Plan.objects.exists()
    assert not Price.objects.exists()


def edit(editor: Client, plan: Plan, *rows: dict[str, Any], **fields: Any) -> None:
    kept = sum("price" in one for one in rows)
    answer = editor.post(f"/newsroom/plans/edit/{plan.pk}/", form(*rows, kept=kept, **fields))
    assert answer.status_code == 302, answer.content.decode()


def test_a_price_nobody_bought_changes_and_one_that_was_put_up_gets_another_in_its_place(
    editor: Client,
) -> None:
    add(editor, row("9"))
    plan, price = Plan.objects.get(), Price.objects.get()
    edit(editor, plan, as_it_stands(price, "8"))
    assert offered() == [("EUR", "month", 800, True)]
    AtProvider.objects.create(
        provider="stripe", realm="test", kind="price", ours=price.pk, theirs="price_1"
    )
    edit(editor, plan, as_it_stands(price, "7.50"))
    assert offered() == [("EUR", "month", 800, False), ("EUR", "month", 750, True)]
    said = ModelLogEntry.objects.filter(action="subscriptions.sold").latest("pk").message
    assert said == (
        "€8.00 a month: withdrawn; who pays it goes on paying it. "
        "€7.50 a month: added in its place."
    )


def test_a_sold_price_is_kept_by_its_subscriber_and_can_be_offered_again(editor: Client) -> None:
    add(editor, row("9"))
    plan, price = Plan.objects.get(), Price.objects.get()
    now = timezone.now()
    sold = Subscription.objects.create(
        member=make_member(), provider="stripe", provider_id="sub_1", plan=plan, price=price,
        state="active", ends_at=now + timezone.timedelta(days=30),
    )  # fmt: skip
    edit(editor, plan, as_it_stands(price, "9", is_offered=None))
    assert not for_sale()
    sold.refresh_from_db()
    assert (sold.price, sold.plan) == (price, plan)
    edit(editor, plan, as_it_stands(price, "9"))
    assert list(for_sale()) == [price]
    edit(editor, plan, as_it_stands(price, "9"), is_offered=None)
    assert not for_sale()
    assert "1</td>" in "".join(editor.get("/newsroom/plans/").content.decode().split())


def test_a_changed_introductory_price_must_be_put_up_again_before_it_is_sold(
    editor: Client, monkeypatch: Any
) -> None:
    class AProvider:
        name, realm = "stripe", "test"

    monkeypatch.setattr("standfirst.subscriptions.queries.for_readers", AProvider)
    add(editor, row("9", introductory_amount="1", introductory_periods="3"))
    plan, price = Plan.objects.get(), Price.objects.get()
    assert not for_sale()
    note(AProvider(), "price", price.pk, "price_1")  # type: ignore[arg-type]
    assert not for_sale()
    note(AProvider(), "intro", price.pk, "intro_1")  # type: ignore[arg-type]
    assert list(for_sale()) == [price]
    edit(
        editor,
        plan,
        as_it_stands(price, "9", introductory_amount="2", introductory_periods="3"),
    )
    assert not for_sale()
    assert Price.objects.get().introductory_amount == 200


def test_a_plan_is_deleted_only_where_nobody_has_it(editor: Client) -> None:
    add(editor, row("9"))
    plan = Plan.objects.get()
    sold = Subscription.objects.create(
        plan=plan, provider_id="sub_1", provider="stripe",
        ends_at=timezone.now() + timezone.timedelta(days=1),
    )  # fmt: skip
    for method in (editor.get, editor.post):
        answer = method(f"/newsroom/plans/delete/{plan.pk}/", follow=True)
        assert "Withdraw it instead" in answer.content.decode()
    assert Plan.objects.exists()
    sold.delete()
    assert editor.post(f"/newsroom/plans/delete/{plan.pk}/").status_code == 302
    assert not Plan.objects.exists()
    assert not Price.objects.exists()
    assert ModelLogEntry.objects.filter(action="wagtail.delete", deleted=True).exists()


def test_writers_sell_nothing(editor: Client) -> None:
    writer = make_member(is_staff=True)
    writer.groups.add(Group.objects.get(name="Writers"))
    client = Client()
    client.force_login(writer)
    for place in ("plans/", "plans/new/", "coupons/", "coupons/new/", "selling_at_provider/"):
        assert client.get(f"/newsroom/{place}").status_code in {302, 403}, place
        assert editor.get(f"/newsroom/{place}").status_code == 200, place
    assert "plans" not in client.get("/newsroom/").content.decode()


def coupon(**fields: Any) -> dict[str, Any]:
    given = {"code": "welcome", "percent": "20", "periods": "3", "is_offered": "on", **fields}
    return {name: value for name, value in given.items() if value is not None}


def test_an_editor_makes_a_code(editor: Client) -> None:
    answer = editor.post("/newsroom/coupons/new/", coupon())
    assert answer.status_code == 302, answer.content.decode()
    made = Coupon.objects.get()
    assert (made.code, made.percent, made.amount, made.periods) == ("WELCOME", 20, 0, 3)
    said = ModelLogEntry.objects.get(action="subscriptions.sold").message
    assert said == "WELCOME: 20% off for 3 months; every plan; offered."
    sent = coupon(percent="", amount="2.50", currency="EUR", most="100", until="2030-05-01 12:00")
    assert editor.post(f"/newsroom/coupons/edit/{made.pk}/", sent).status_code == 302
    made.refresh_from_db()
    assert (made.percent, made.amount, made.currency, made.most) == (0, 250, "EUR", 100)
    assert 'value="2.50"' in editor.get(f"/newsroom/coupons/edit/{made.pk}/").content.decode()
    AtProvider.objects.create(
        provider="stripe", realm="test", kind="coupon", ours=made.pk, theirs="promo_1"
    )
    kept = editor.post(f"/newsroom/coupons/delete/{made.pk}/", follow=True)
    assert "Withdraw it instead" in kept.content.decode()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"percent": ""}, "Say a percentage, or an amount"),
        ({"percent": "120"}, "from 1 to 100"),
        ({"amount": "2", "currency": "EUR"}, "not both"),
        ({"percent": "", "amount": "2"}, "in which currency"),
        ({"percent": "", "amount": "x", "currency": "EUR"}, "is not an amount"),
        ({"percent": "", "amount": "0", "currency": "EUR"}, "takes something off"),
        ({"code": "two words"}, "capitals, digits"),
        ({"most": "0"}, "greater than or equal to 1"),
    ],
)
def test_every_mistake_in_a_code_has_a_sentence(editor: Client, fields: Any, sentence: str) -> None:
    answer = editor.post("/newsroom/coupons/new/", coupon(**fields))
    assert answer.status_code == 200
    assert sentence in answer.content.decode()
    assert not Coupon.objects.exists()


# -- at the provider --------------------------------------------------------------------------


@pytest.fixture
def shop() -> Plan:
    plan = Plan.objects.create(name="All-Access", promise="Everything\nAlways")
    make = Price.objects.create
    make(plan=plan, currency="EUR", amount=900, introductory_amount=100, introductory_periods=3)
    make(plan=plan, currency="EUR", amount=9000, interval="year")
    make(plan=plan, currency="JPY", amount=1500)
    Coupon.objects.create(code="WELCOME", percent=20, periods=3)
    return plan


@pytest.fixture
def stripe(provider: Stripe, monkeypatch: Any) -> Stripe:
    """The stand-in is where readers pay."""
    for module in ("queries", "newsroom.at_provider", "providers"):
        monkeypatch.setattr(f"standfirst.subscriptions.{module}.for_readers", lambda: provider)
    return provider


def test_what_is_sold_is_brought_in_line_once(stripe: Stripe, shop: Plan) -> None:
    assert len(differences(stripe)) == 6
    assert not AtProvider.objects.exists()
    assert not for_sale()
    assert ["3 offered prices" in one.sentence for one in _prices()] == [True]
    assert bring_in_line(stripe) == 6
    held = set(AtProvider.objects.values_list("kind", "ours", "theirs"))
    assert len(held) == 6
    assert not differences(stripe)
    assert for_sale().count() == 3
    assert not list(_prices())
    bring_in_line(stripe)
    assert set(AtProvider.objects.values_list("kind", "ours", "theirs")) == held


def test_who_is_killed_on_the_way_goes_on_and_makes_nothing_twice(
    stripe: Stripe, house: House, shop: Plan, monkeypatch: Any
) -> None:
    """Stopped after each thing, before its id is noted and after."""
    before = len(house.v.prices.list().data), len(house.v.products.list().data)
    for noted in (False, True):
        for stop in range(1, 4):
            came = 0

            def killed(*thing: Any, stop: int = stop, noted: bool = noted) -> None:
                nonlocal came
                came += 1
                if came == stop and not noted:
                    raise KeyboardInterrupt
                note(*thing)
                if came == stop:
                    raise KeyboardInterrupt

            monkeypatch.setattr("standfirst.subscriptions.actions.catalogue.note", killed)
            with pytest.raises(KeyboardInterrupt):
                bring_in_line(stripe)
    monkeypatch.setattr("standfirst.subscriptions.actions.catalogue.note", note)
    bring_in_line(stripe)
    assert not differences(stripe)
    after = len(house.v.prices.list().data), len(house.v.products.list().data)
    assert (after[0] - before[0], after[1] - before[1]) == (3, 1)
    assert len(house.v.coupons.list().data) == 2


def test_what_was_deleted_there_is_made_anew_and_its_id_replaced(
    stripe: Stripe, house: House, shop: Plan, running: Any
) -> None:
    bring_in_line(stripe)
    price = Price.objects.get(currency="JPY")
    theirs = AtProvider.objects.get(kind="price", ours=price.pk).theirs
    running.store.run("delete from thing where id = ?", theirs)
    assert [one.kind for one in differences(stripe)] == ["price"]
    bring_in_line(stripe)
    assert AtProvider.objects.get(kind="price", ours=price.pk).theirs != theirs
    assert not differences(stripe)


def test_what_was_withdrawn_is_withdrawn_there(stripe: Stripe, house: House, shop: Plan) -> None:
    bring_in_line(stripe)
    Price.objects.filter(currency="JPY").update(is_offered=False)
    Coupon.objects.update(is_offered=False)
    assert [one.kind for one in differences(stripe)] == ["price", "coupon"]
    bring_in_line(stripe)
    theirs = AtProvider.objects.get(kind="price", ours=Price.objects.get(currency="JPY").pk).theirs
    assert house.v.prices.retrieve(theirs).active is False
    shop.is_offered = False
    shop.save()
    bring_in_line(stripe)
    assert not any(price.offered for price in wanted(stripe, timezone.now()).prices)
    assert not differences(stripe)


def test_the_newsroom_shows_what_would_be_done_and_does_it_on_request(
    stripe: Stripe, shop: Plan, editor: Client, monkeypatch: Any
) -> None:
    place = "/newsroom/selling_at_provider/"
    page = editor.get(place).content.decode()
    assert "Price All-Access (JPY, month) is not at Stripe; make it." in page
    assert not AtProvider.objects.exists()
    assert "as it should" in editor.post(place, follow=True).content.decode()
    assert AtProvider.objects.count() == 6

    def away(*_: Any) -> Any:
        raise Unreachable("No answer.")

    monkeypatch.setattr(stripe, "differences", away)
    answer = editor.get(place)
    assert answer.status_code == 502
    assert "does not answer" in answer.content.decode()


def test_the_command_says_and_does(stripe: Stripe, shop: Plan, capsys: Any) -> None:
    from standfirst.project.cli import parser
    from standfirst.project.commands import prices

    assert prices.run(parser().parse_args(["prices"])) == 0
    assert "Nothing was changed." in capsys.readouterr().out
    assert not AtProvider.objects.exists()
    assert prices.run(parser().parse_args(["prices", "--apply"])) == 0
    assert "6 things stand at Stripe" in capsys.readouterr().out
    assert AtProvider.objects.count() == 6
    assert prices.run(parser().parse_args(["prices"])) == 0
    assert "as it should" in capsys.readouterr().out


def test_the_lowest_price_is_everybodys_in_the_magazines_currency(shop: Plan) -> None:
    students = Plan.objects.create(name="Students", offered_to="students")
    Price.objects.create(plan=students, currency="EUR", amount=400)
    cheap = Plan.objects.create(name="Cheap", is_offered=False)
    Price.objects.create(plan=cheap, currency="EUR", amount=100)
    lowest = lowest_price()
    assert lowest is not None
    assert lowest.in_short == "€9.00 a month"
    Price.objects.filter(interval="month").update(is_offered=False)
    assert lowest_price().in_short == "€90.00 a year"  # type: ignore[union-attr]
    Price.objects.update(is_offered=False)
    assert lowest_price() is None
    assert providers.for_readers() is None
