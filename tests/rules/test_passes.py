"""Passes: what is written is read, and nothing else is."""

import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfirst.access.rules import OpenDoor, Standing, UnlockKind
from standfirst.reading import passes

NOW = 1_800_000_000
KEY, OLDER, OTHER = (passes.key_of(text) for text in ("one", "two", "three"))


def a_pass(**changes: object) -> passes.Pass:
    standing = Standing(
        signed_in=True,
        verified=True,
        subscribed_until=datetime.fromtimestamp(NOW + 50, UTC),
        unlocked={7: OpenDoor(kind=UnlockKind.CREDIT), 9: OpenDoor(kind=UnlockKind.WELCOME)},
        credits_left=2,
    )
    facts = {
        "member": 12,
        "standing": standing,
        "complete": True,
        "epoch": 2**55,
        "generation": 4,
        "session": passes.fingerprint("abc"),
        "expires": NOW + 600,
        **changes,
    }
    return passes.Pass(**facts)  # type: ignore[arg-type]


def test_what_is_written_is_read() -> None:
    assert passes.read(passes.write(a_pass(), KEY), [KEY], NOW) == a_pass()


def test_keys_rotate() -> None:
    text = passes.write(a_pass(), OLDER)
    assert passes.read(text, [KEY, OLDER], NOW)
    assert passes.read(text, [KEY, OTHER], NOW) is None


@pytest.mark.parametrize(("later", "valid"), [(599, True), (600, False), (10**6, False)])
def test_a_pass_is_over_at_its_second(later: int, valid: bool) -> None:
    assert bool(passes.read(passes.write(a_pass(), KEY), [KEY], NOW + later)) is valid


@given(st.integers(0, 400), st.characters(codec="ascii"))
def test_one_changed_character_is_refused(place: int, character: str) -> None:
    text = passes.write(a_pass(), KEY)
    place %= len(text)
    forged = text[:place] + character + text[place + 1 :]
    assert forged == text or passes.read(forged, [KEY], NOW) is None


@given(st.text(max_size=4000))
def test_any_text_is_refused_without_an_error(text: str) -> None:
    assert passes.read(text, [KEY], NOW) is None


def test_a_signed_text_of_another_shape_is_refused() -> None:
    for payload in ("", "2", "[1,2]", "3:1:a:1:s:9999999999:7::3:", "2:1:a:1:s:9999999999:7::3:1x"):
        signed = f"{payload}.{hmac.digest(KEY, payload.encode(), 'sha256').hex()}"
        assert passes.is_signed(signed, [KEY])
        assert passes.read(signed, [KEY], NOW) is None


def test_the_longest_pass_fits_into_a_cookie() -> None:
    unlocked = {10**7 + n: OpenDoor(kind=UnlockKind.WELCOME) for n in range(passes.MOST_UNLOCKED)}
    standing = Standing(signed_in=True, verified=True, unlocked=unlocked, credits_left=3)
    text = passes.write(a_pass(standing=standing, member=10**9), KEY)
    assert len(text) < passes.LONGEST
    assert passes.read(text, [KEY], NOW)
