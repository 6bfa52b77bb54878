"""Reading a list of addresses: what can be taken in, and what is said of what cannot."""

from datetime import date

import pytest

from standfirst.newsletters.importing.rules import Refused, Row, Unreadable, read, rows_in, text_of

LETTERS = {"newsletter": "newsletter", "the daily review": "daily-review"}
TODAY = date(2026, 11, 28)
HEADING = "address,name,letters,date,source\n"


def rows(text: str) -> list[Row | Refused]:
    return list(read(text, LETTERS, TODAY))


def why(line: str) -> str:
    (found,) = rows(HEADING + line)
    assert isinstance(found, Refused), found
    assert "ada" not in found.why.lower()
    return found.why


def test_a_row_says_who_said_yes_to_what_when_and_where() -> None:
    text = HEADING + " Ada@Example.ORG ,Ada L.,The  Daily Review; newsletter,2024-05-31,The fair\n"
    (row,) = rows(text)
    assert row == Row(
        number=1,
        address="ada@example.org",
        name="Ada L.",
        letters=("daily-review", "newsletter"),
        said_on=date(2024, 5, 31),
        source="The fair",
    )


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_any_spreadsheets_columns_do_in_any_order(sign: str) -> None:
    cells = [
        ["Proof", "E-Mail", "Unknown", "Lists", "Consent date"],
        ["A form", "ada@example.org", "x", "newsletter", "2024-05-31"],
    ]
    text = "\r\n".join(sign.join(row) for row in cells)
    (row,) = rows(text_of(b"\xef\xbb\xbf" + text.encode()))
    assert isinstance(row, Row)
    assert (row.address, row.name, row.source) == ("ada@example.org", "", "A form")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (",Ada,newsletter,2024-05-31,Fair", "The address is missing."),
        ("ada@,Ada,newsletter,2024-05-31,Fair", "not a complete e-mail address"),
        ("ada@example.org,Ada,,2024-05-31,Fair", "which newsletter was wanted"),
        ("ada@example.org,Ada,bulletin,2024-05-31,Fair", "a newsletter that there is not"),
        ("ada@example.org,Ada,newsletter,,Fair", "when the reader said yes"),
        ("ada@example.org,Ada,newsletter,31.5.2024,Fair", "not written as 2024-05-31"),
        ("ada@example.org,Ada,newsletter,2026-11-29,Fair", "in the future"),
        ("ada@example.org,Ada,newsletter,2024-05-31, ", "where the reader said yes"),
        ("ada@example.org", "which newsletter was wanted"),
        (f"ada@example.org,{'A' * 200},newsletter,2024-05-31,Fair", "at most 120 characters"),
        ('ada@example.org,"A\nBcc: x",newsletter,2024-05-31,Fair', "one line"),
        ('ada@example.org,"' + "x" * 200_000 + '"', "too long to be one"),
    ],
)
def test_what_cannot_be_taken_in_is_said_in_a_sentence(line: str, sentence: str) -> None:
    assert sentence in why(line)


def test_an_address_counts_once_however_it_is_written() -> None:
    line = "{},,newsletter,2024-05-31,Fair\n"
    text = HEADING + line.format("ada@example.org") + "\n" + line.format("ADA@example.org")
    first, second = rows(text)
    assert isinstance(first, Row)
    assert second == Refused(2, "The address stands in row 1 already.")


def test_an_address_may_stand_there_once_for_each_letter() -> None:
    line = "ada@example.org,,{},2024-05-31,Fair\n"
    letters = ("newsletter", "The Daily Review", "the daily review; newsletter")
    first, second, third = rows(HEADING + "".join(map(line.format, letters)))
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert (first.again, second.again, second.letters) == (False, True, ("daily-review",))
    assert third == Refused(3, "The address stands in row 2 already.")


@pytest.mark.parametrize("given", ["no", "No", "0", "false", "", "maybe"])
def test_a_row_that_says_no_is_no_yes(given: str) -> None:
    heading = "Address,Letter,Given,Since,By,Proof\n"
    line = "ada@example.org,newsletter,{},2026-11-28 12:00,the form of joining,\n"
    (row,) = rows(heading + line.format(given))
    assert row == Refused(1, "It does not say yes under “given”.")
    (row,) = rows(heading + line.format("Yes"))
    assert isinstance(row, Row)
    assert (row.said_on, row.source) == (date(2026, 11, 28), "the form of joining")


def test_a_sign_that_keeps_a_cell_from_being_a_formula_is_taken_off() -> None:
    (row,) = rows(HEADING + "'+ada@example.org,'=Ada,newsletter,2024-05-31,'t Huis")
    assert isinstance(row, Row)
    assert (row.address, row.name, row.source) == ("+ada@example.org", "=Ada", "'t Huis")


def test_a_list_that_is_gone_on_with_comes_to_the_same() -> None:
    line = "{},,{},2024-05-31,Fair\n"
    names = ["a@x.org", "ü@x.org", "b@müller.org", "A@x.org", "b@xn--mller-kva.org", "a@x.org", ""]
    text = HEADING + "".join(line.format(name, "newsletter") for name in names)
    text += line.format("c@x.org", "made up") + line.format("c@x.org", "newsletter")
    whole = rows(text)
    assert rows_in(text) == len(whole) == 9
    assert [row.number for row in whole if isinstance(row, Row)] == [1, 3, 9]
    for after in range(10):
        assert list(read(text, LETTERS, TODAY, after=after)) == whole[after:]


def test_a_file_that_is_no_list_is_refused_whole() -> None:
    for data, sentence in (
        (b"name,list\nAda,newsletter", "Missing: address, date, source"),
        (b"", "Missing: address"),
        ("address\nä".encode("latin-1"), "CSV UTF-8"),
        (b"PK\x03\x04\x00\x00", "no CSV file"),
    ):
        with pytest.raises(Unreadable, match=sentence):
            rows(text_of(data))
