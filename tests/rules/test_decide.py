"""Who may read, and why: the whole table of design section 3, and properties of `decide`."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfirst.access.rules import (
    VISITOR,
    FullText,
    OpenDoor,
    Preview,
    Reason,
    Standing,
    Terms,
    UnlockKind,
    Wall,
    decide,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SALT_ROADS, THE_FERRY = 1, 2

UNVERIFIED = Standing(signed_in=True)
MEMBER = Standing(signed_in=True, verified=True, credits_left=2)
SPENT = Standing(signed_in=True, verified=True)
SUBSCRIBER = Standing(signed_in=True, verified=True, subscribed_until=NOW + timedelta(days=1))
STAFF = Standing(signed_in=True, staff=True)
CAMPUS = Standing(institution="a university")
CRAWLER = Standing(crawler="a search engine")


@pytest.mark.parametrize(
    ("standing", "terms", "wall"),
    [
        (VISITOR, Terms.MEMBERS, Wall.JOIN),
        (VISITOR, Terms.METERED, Wall.JOIN),
        (VISITOR, Terms.SUBSCRIBERS, Wall.SUBSCRIBE),
        (UNVERIFIED, Terms.METERED, Wall.CONFIRM),
        (UNVERIFIED, Terms.SUBSCRIBERS, Wall.SUBSCRIBE),
        (MEMBER, Terms.METERED, Wall.CHOOSE),
        (SPENT, Terms.METERED, Wall.SPENT),
        (MEMBER, Terms.SUBSCRIBERS, Wall.SUBSCRIBE),
        (SPENT, Terms.SUBSCRIBERS, Wall.SUBSCRIBE),
    ],
)
def test_each_reader_meets_the_wall_of_the_table(
    standing: Standing, terms: Terms, wall: Wall
) -> None:
    decision = decide(terms, standing, SALT_ROADS, NOW)
    assert isinstance(decision, Preview)
    assert decision.wall is wall


@pytest.mark.parametrize(
    ("standing", "terms", "reason"),
    [
        (VISITOR, Terms.OPEN, Reason.OPEN),
        (UNVERIFIED, Terms.MEMBERS, Reason.SIGNED_IN),
        (SUBSCRIBER, Terms.SUBSCRIBERS, Reason.SUBSCRIPTION),
        (SUBSCRIBER, Terms.METERED, Reason.SUBSCRIPTION),
        (SUBSCRIBER, Terms.OPEN, Reason.OPEN),
        (STAFF, Terms.SUBSCRIBERS, Reason.STAFF),
        (STAFF, Terms.OPEN, Reason.STAFF),
        (CAMPUS, Terms.SUBSCRIBERS, Reason.INSTITUTION),
        (CRAWLER, Terms.SUBSCRIBERS, Reason.CRAWLER),
    ],
)
def test_the_first_reason_that_holds_is_given(
    standing: Standing, terms: Terms, reason: Reason
) -> None:
    assert decide(terms, standing, SALT_ROADS, NOW) == FullText(reason)


def test_a_member_with_nothing_left_may_still_go_back_to_a_chosen_article() -> None:
    chosen = Standing(
        signed_in=True, verified=True, unlocked={SALT_ROADS: OpenDoor(kind=UnlockKind.CREDIT)}
    )
    assert decide(Terms.METERED, chosen, SALT_ROADS, NOW) == FullText(
        Reason.UNLOCKED, UnlockKind.CREDIT
    )
    assert decide(Terms.METERED, chosen, THE_FERRY, NOW) == Preview(Wall.SPENT)


def test_an_unlock_that_ends_with_the_month_is_over_at_its_last_moment() -> None:
    ends = Standing(
        signed_in=True,
        verified=True,
        unlocked={SALT_ROADS: OpenDoor(kind=UnlockKind.CREDIT, until=NOW)},
    )
    before = NOW - timedelta(microseconds=1)
    assert isinstance(decide(Terms.METERED, ends, SALT_ROADS, before), FullText)
    assert isinstance(decide(Terms.METERED, ends, SALT_ROADS, NOW), Preview)


def test_a_subscription_is_over_at_its_last_moment() -> None:
    assert decide(Terms.METERED, SUBSCRIBER, SALT_ROADS, NOW + timedelta(days=1)) == Preview(
        Wall.SPENT
    )


def test_the_variant_tells_previews_apart_and_full_texts_not() -> None:
    assert decide(Terms.METERED, MEMBER, SALT_ROADS, NOW).variant == "wall-choose-2"
    assert decide(Terms.METERED, VISITOR, SALT_ROADS, NOW).variant == "wall-join"
    assert decide(Terms.METERED, SUBSCRIBER, SALT_ROADS, NOW).variant == "full"
    assert decide(Terms.METERED, STAFF, SALT_ROADS, NOW).variant == "full"


moments = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001
    max_value=datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
articles = st.integers(min_value=1, max_value=6)
doors = st.builds(OpenDoor, kind=st.sampled_from(UnlockKind), until=st.none() | moments)
standings = st.builds(
    Standing,
    signed_in=st.booleans(),
    verified=st.booleans(),
    staff=st.booleans(),
    subscribed_until=st.none() | moments,
    institution=st.none() | st.just("a university"),
    crawler=st.none() | st.just("a search engine"),
    unlocked=st.dictionaries(articles, doors, max_size=4),
    credits_left=st.integers(min_value=-2, max_value=5),
)
ALL_TERMS = st.sampled_from(Terms)


@given(ALL_TERMS, standings, articles, moments)
def test_every_reader_gets_either_the_full_text_for_a_reason_or_a_preview_with_a_wall(
    terms: Terms, standing: Standing, article: int, now: datetime
) -> None:
    decision = decide(terms, standing, article, now)
    assert isinstance(decision, FullText | Preview)
    if isinstance(decision, FullText):
        assert (decision.unlock is not None) == (decision.reason is Reason.UNLOCKED)
    else:
        assert (decision.credits_left > 0) == (decision.wall is Wall.CHOOSE)


@given(ALL_TERMS, standings, articles, moments)
def test_no_full_text_without_the_fact_that_its_reason_names(
    terms: Terms, standing: Standing, article: int, now: datetime
) -> None:
    decision = decide(terms, standing, article, now)
    facts = {
        Reason.STAFF: standing.staff,
        Reason.OPEN: terms is Terms.OPEN,
        Reason.SUBSCRIPTION: bool(standing.subscribed_until and now < standing.subscribed_until),
        Reason.INSTITUTION: standing.institution is not None,
        Reason.UNLOCKED: article in standing.unlocked
        and (
            standing.unlocked[article].until is None
            or now < (standing.unlocked[article].until or now)
        ),
        Reason.CRAWLER: standing.crawler is not None,
        Reason.SIGNED_IN: standing.signed_in and terms is Terms.MEMBERS,
    }
    if isinstance(decision, FullText):
        first = next(reason for reason in Reason if facts[reason])
        assert decision.reason is first
    else:
        assert not any(facts.values())


@given(ALL_TERMS, standings, articles, moments)
def test_credits_alone_open_nothing(
    terms: Terms, standing: Standing, article: int, now: datetime
) -> None:
    many = Standing(
        **{name: getattr(standing, name) for name in Standing.__slots__ if name != "credits_left"},
        credits_left=99,
    )
    assert isinstance(decide(terms, many, article, now), FullText) == isinstance(
        decide(terms, standing, article, now), FullText
    )


@given(standings, articles, moments)
def test_stricter_terms_never_open_more(standing: Standing, article: int, now: datetime) -> None:
    ladder = [Terms.OPEN, Terms.MEMBERS, Terms.METERED, Terms.SUBSCRIBERS]
    opened = [isinstance(decide(t, standing, article, now), FullText) for t in ladder]
    assert opened == sorted(opened, reverse=True)


@given(ALL_TERMS, standings, articles, articles, moments)
def test_an_unlock_opens_no_other_article(
    terms: Terms, standing: Standing, article: int, other: int, now: datetime
) -> None:
    if article == other or article in standing.unlocked:
        return
    without = Standing(
        **{name: getattr(standing, name) for name in Standing.__slots__ if name != "unlocked"},
        unlocked={},
    )
    assert decide(terms, standing, article, now) == decide(terms, without, article, now)
