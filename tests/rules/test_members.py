"""Addresses, names and codes: whatever is typed, what is kept is safe to keep and to mail to."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from standfirst.members.rules import (
    ADDRESS_LENGTH,
    LETTERS,
    NAME_LENGTH,
    Unusable,
    address_from,
    as_typed_code,
    code_from,
    name_from,
)

ADDRESSES = st.one_of(
    st.text(max_size=300),
    st.builds("{}@{}".format, st.text(max_size=80), st.text(max_size=80)),
    st.builds("{}@{}".format, st.text("abc.+-'\"@ ", max_size=70), st.text("ab.-[]1", max_size=9)),
    st.emails(),
)


@given(ADDRESSES)
@example("ADA@Example.ORG ")
@example("ada@b\u00fccher.example")
def test_an_address_is_kept_in_one_short_plain_lower_case_line_or_refused(typed: str) -> None:
    try:
        address = address_from(typed)
    except Unusable as refusal:
        assert str(refusal).endswith((".", "?"))  # noqa: PT017
        return
    assert address.isascii()
    assert address.isprintable()
    assert address == address.lower()
    assert len(address) <= ADDRESS_LENGTH
    assert address.count("@") == 1
    assert not set(address) & set(' "(),:;<>[]\\')
    assert address_from(address) == address


@pytest.mark.parametrize("typed", ["x@a.example", "x@deep.a.example"])
def test_a_refused_domain_stands_for_all_below_it(typed: str) -> None:
    with pytest.raises(Unusable, match="thrown away"):
        address_from(typed, {"a.example"})
    assert address_from(typed.replace("a.example", "ba.example"), {"a.example"})


@given(st.text(max_size=200))
def test_a_name_is_one_line_of_at_most_120_characters_or_refused(typed: str) -> None:
    try:
        name = name_from(typed)
    except Unusable:
        return
    assert len(name) <= NAME_LENGTH
    assert len(name.splitlines()) <= 1
    assert "\0" not in name


@given(st.binary(min_size=16, max_size=32))
def test_a_code_survives_being_read_out_and_typed(digest: bytes) -> None:
    code = code_from(digest)
    assert len(code) == 9
    assert set(code) <= {*LETTERS, "-"}
    for typed in (code.lower(), code.replace("-", ""), f" {code.replace('-', ' ')}\n"):
        assert as_typed_code(typed) == code
