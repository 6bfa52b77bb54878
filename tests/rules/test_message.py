"""A letter that is compiled once says to each reader exactly what was written, whatever they are
called."""

import re
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from html import escape
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from standfirst.newsletters.delivery import headers
from standfirst.newsletters.delivery.addresses import BadAddress
from standfirst.newsletters.delivery.dkim import relaxed_body
from standfirst.newsletters.delivery.message import Compiled, Head, compile_letter
from standfirst.newsletters.slots import SLOTS, WORDS

HEAD = Head(
    "post@magazine.example", "The Meridian", reply_to="letters@magazine.example",
    list_name="The Daily Review", list_host="daily.magazine.example",
)  # fmt: skip
SUBJECT = "The Daily Review: what the harbour costs"
HTML = f"""<html><p>{WORDS["greeting"]}, and welcome.</p>
<p>.A dot, a tab\tand  two blanks, a trailing one \n.and equals = signs; {"Übergröße " * 30}</p>
<a href="{WORDS["preferences"]}">letters</a> <a href="{WORDS["unsubscribe"]}">no more</a>
{WORDS["address"]}{WORDS["choices"]}
From here</html>
"""
TEXT = f"""{WORDS["greeting"]}
.

From {WORDS["address"]}
{WORDS["choices"]}
{WORDS["unsubscribe"]} {WORDS["preferences"]}
"""
VALUES = {
    "greeting": "Good morning, Ada", "address": "ada@home.example",
    "choices": "Two of your three choices are left until 1 December.",
    "preferences": "https://magazine.example/mail/p/" + "A" * 64,
    "unsubscribe": "https://magazine.example/mail/off/" + "B" * 64,
    "links": "https://magazine.example/mail/to/" + "C" * 64,
}  # fmt: skip
DATE = headers.date(datetime(2026, 11, 28, 6, 30, tzinfo=UTC))
ID = "<d17.k3y@magazine.example>"


def finished(
    letter: Compiled | None = None,
    values: dict[str, str] | None = None,
    name: str = "Ada Lovelace",
    address: str = "ada@home.example",
) -> bytes:
    letter = letter or compile_letter(SUBJECT, HTML, TEXT, HEAD)
    return letter.body_for({**VALUES, **(values or {})}, name, address, ID, DATE)


def parsed(raw: bytes) -> EmailMessage:
    """By another's reading, and after checks of the bytes."""
    head, _, body = raw.partition(b"\r\n\r\n")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))
    for line in body.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith((b".", b"From "))
    assert relaxed_body(body) == body
    assert body.isascii()
    message = cast(EmailMessage, message_from_bytes(raw, policy=policy.default))
    assert not message.defects
    return message


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found
    assert found.get_content_charset() == "utf-8"
    return str(found.get_content()).replace("\r\n", "\n").rstrip("\n")


def named(raw: bytes, field: str) -> tuple[str, str]:
    """Name and address of a field. Python 3.11's newer parser puts blanks between encoded words of
    a name, against RFC 2047 §6.2; its older one does not."""
    name, address = parseaddr(str(message_from_bytes(raw)[field]))
    return str(make_header(decode_header(name))), address


def filled(template: str, values: dict[str, str], *, html: bool) -> str:
    """What a template says, done plainly."""
    for slot, word in WORDS.items():
        value = headers.clean(values[slot])
        template = template.replace(word, escape(value) if html else value)
    return template.rstrip("\n")


def test_both_parts_say_what_was_written() -> None:
    message = parsed(finished())
    assert part(message, "plain") == filled(TEXT, VALUES, html=False)
    assert part(message, "html") == filled(HTML, VALUES, html=True)
    assert message.get_content_type() == "multipart/alternative"
    assert [one.get_content_type() for one in message.iter_parts()] == ["text/plain", "text/html"]


def test_the_head_has_what_the_standards_ask_for() -> None:
    message = parsed(finished())
    assert [name for name, _ in message.items()] == [
        "From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "Reply-To", "List-Id",
        "List-Unsubscribe-Post", "Precedence", "MIME-Version", "Content-Type",
    ]  # fmt: skip
    assert message["From"] == "The Meridian <post@magazine.example>"
    assert message["To"] == "Ada Lovelace <ada@home.example>"
    assert message["Subject"] == SUBJECT
    assert message["Date"] == "Sat, 28 Nov 2026 06:30:00 +0000"
    assert message["Message-ID"] == "<d17.k3y@magazine.example>"
    assert message["Reply-To"] == "letters@magazine.example"
    assert message["List-Id"] == "The Daily Review <daily.magazine.example>"
    assert message["List-Unsubscribe"] == f"<{VALUES['unsubscribe']}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Precedence"] == "bulk"


def test_a_letter_of_another_kind_says_so() -> None:
    head = Head("post@magazine.example", unsubscribe=False, bulk=False, automatic=True,
                extra={"X-Campaign": "Überraschung"})  # fmt: skip
    letter = compile_letter("Welcome", "<p>Hello</p>", "Hello", head)
    assert letter.slots == frozenset()
    message = parsed(letter.body_for({}, "", "ada@home.example", ID, DATE))
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Campaign"] == "Überraschung"
    assert message["To"] == "ada@home.example"
    for name in ("List-Unsubscribe", "List-Unsubscribe-Post", "Precedence", "List-Id"):
        assert message[name] is None
    assert part(message, "plain") == "Hello"


def test_a_letter_knows_which_slots_it_fills_and_wants_them_all() -> None:
    letter = compile_letter(f"For {WORDS['address']}", WORDS["greeting"], "", HEAD)
    assert letter.slots == {"address", "greeting", "unsubscribe"}
    with pytest.raises(KeyError):
        letter.body_for({"address": "x", "greeting": "y"}, "", "ada@home.example", ID, DATE)
    with pytest.raises(KeyError):
        compile_letter("", "zq0nosuchslot0qz", "", HEAD)
    assert set(VALUES) == set(SLOTS)


def test_a_subject_may_have_slots() -> None:
    letter = compile_letter(f"{WORDS['greeting']}: today", "", "", HEAD)
    assert parsed(finished(letter))["Subject"] == "Good morning, Ada: today"
    message = parsed(finished(letter, {"greeting": "Grüß\r\nBcc: x@y.example"}))
    assert message["Subject"] == "Grüß Bcc: x@y.example: today"
    assert message["Bcc"] is None


def test_the_same_letter_to_the_same_reader_is_the_same_bytes() -> None:
    assert finished() == finished()
    assert b"d17.k3y" in finished()


# -- hostile and unusual ----------------------------------------------------------------------

NAMES = [
    "", "Ada", "Ada Lovelace", "O'Brien, Pat", 'Ada "the first" Lovelace', "a\\b", "Ada (x) <y@z>",
    "Ada\r\nBcc: victim@home.example", "Ada\nX: y", "Ada\rX: y", "Ada\u2028X", "\x00Ada\x07",
    "<script>alert(1)</script>", "😀 Ada 👩‍👩‍👧‍👦", "محمد بن موسى الخوارزمي", "李小龙",
    "A" * 10_000, "ä" * 10_000, "a b " * 2_500, "=?utf-8?b?QmNjOiB4?=", "=?x?q?a?= <b@c>",
    "@", ",", ";:", ".",
    " \t Ada \t Lovelace ", "Ada\x85X: y", "Ada\ud800", "“Ada”", "A" * 61, "a.b", "zq0greeting0qz",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_whatever_a_reader_is_called_it_stands_in_one_field_and_reads_back(name: str) -> None:
    greeting = f"Good morning, {name}"
    raw = finished(values={"greeting": greeting}, name=name)
    message = parsed(raw)
    assert [one for one, _ in message.items()] == [one for one, _ in parsed(finished()).items()]
    assert len(message["To"].addresses) == 1
    assert named(raw, "To") == (headers.clean(name), "ada@home.example")
    values = {**VALUES, "greeting": greeting}
    assert part(message, "plain") == filled(TEXT, values, html=False)
    assert part(message, "html") == filled(HTML, values, html=True)
    assert "<script>" not in part(message, "html")


@pytest.mark.parametrize("text", [*NAMES, "الميناء: ما الذي تكلفه " * 8, "word " * 60, "x" * 900])
def test_whatever_a_subject_says_it_stands_in_one_field_and_reads_back(text: str) -> None:
    raw = finished(compile_letter(text.replace("zq0greeting0qz", ""), HTML, TEXT, HEAD))
    message = parsed(raw)
    assert message["Subject"] == headers.clean(text.replace("zq0greeting0qz", ""))
    assert [one for one, _ in message.items()] == [one for one, _ in parsed(finished()).items()]
    for line in raw.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        assert len(line) <= 78 or line.startswith(b"List-Unsubscribe:")


@pytest.mark.parametrize("name", NAMES)
def test_whatever_the_sender_is_called_nothing_begins_a_field_of_its_own(name: str) -> None:
    head = Head("post@magazine.example", name, list_name=name, list_host="daily.magazine.example",
                extra={"X-Note": name})  # fmt: skip
    raw = finished(compile_letter(SUBJECT, HTML, TEXT, head))
    message = parsed(raw)
    assert named(raw, "From") == (headers.clean(name), "post@magazine.example")
    assert message["X-Note"] == headers.clean(name)
    assert message["Bcc"] is None
    assert message["X"] is None


@pytest.mark.parametrize("name", ["X\r\nBcc", "", "a b", "a:b", "ü", "x" * 80])
def test_what_is_no_name_of_a_field_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="header field"):
        compile_letter("", "", "", Head("post@magazine.example", extra={name: "x"}))


@pytest.mark.parametrize("address", ["", "x", "a@b.example\r\nBcc: c@d.example", "a b@c.example"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(BadAddress):
        finished(address=address)
    with pytest.raises(BadAddress):
        compile_letter("", "", "", Head(address))


@pytest.mark.parametrize("made", ["", "x", "<a b@c>", "<a@b>\r\nBcc: x", "<a@b>\r\n", "<a<@b>"])
def test_what_is_no_message_id_or_date_is_refused(made: str) -> None:
    letter = compile_letter(SUBJECT, HTML, TEXT, HEAD)
    with pytest.raises(ValueError, match="Message-ID"):
        letter.body_for(VALUES, "", "ada@home.example", made, DATE)
    with pytest.raises(ValueError, match="Date"):
        letter.body_for(VALUES, "", "ada@home.example", ID, made)


def test_addresses_beyond_ascii() -> None:
    raw = finished(name="Jörg", address="jörg@bücher.example")
    assert "<jörg@xn--bcher-kva.example>".encode() in raw
    message = parsed(raw)
    assert message["To"].addresses[0].display_name == "Jörg"
    raw = finished(address="ada@bücher.example")
    assert raw.isascii()
    assert parsed(raw)["To"].addresses[0].addr_spec == "ada@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("link", "stands"),
    [
        ("https://x.example/?a=1&b=2", "https://x.example/?a=1&b=2"),
        ("https://x.example/a b", "https://x.example/a%20b"),
        ('https://x.example/"><script>', "https://x.example/%22%3E%3Cscript%3E"),
        ("https://x.example/\r\nBcc: a@b.example", "https://x.example/%20Bcc:%20a@b.example"),
        ("https://x.example/é", "https://x.example/%C3%A9"),
        ("https://x.example/" + "." * 300, "https://x.example/" + "." * 300),
        ("x" * 75 + ".y", "x" * 75 + ".y"),
    ],
)
def test_a_link_stays_one_link_in_text_html_and_head(link: str, stands: str) -> None:
    message = parsed(finished(values={"unsubscribe": link}))
    assert message["List-Unsubscribe"] == f"<{stands}>"
    assert f"\n{stands} " in part(message, "plain")
    assert f'<a href="{escape(stands)}">no more</a>' in part(message, "html")
    assert message["Bcc"] is None


def test_what_is_no_link_at_all_is_refused() -> None:
    for link in ("", "x" * 901, " \r\n"):
        with pytest.raises(ValueError, match="link"):
            finished(values={"unsubscribe": link})


def test_an_id_of_a_list_is_one() -> None:
    for host in ("", "daily", "a b.example", "daily.example>\r\nBcc: x"):
        with pytest.raises(ValueError, match="list"):
            headers.list_id("The Daily Review", host)


# -- whatever comes ---------------------------------------------------------------------------

TEXTS = some.text(max_size=300)
ODD = some.text(alphabet="a .=\t\r\n-_FromÄ😀<>&\"'zq0", max_size=400)


@given(TEXTS | ODD, TEXTS | ODD, TEXTS | ODD, TEXTS | ODD)
@example("a" * 75 + ".", "." * 200, " " * 100, "=")
@example("x " * 38 + ".", "From " * 30, "\t", "é" * 40)
def test_any_text_around_any_value_reads_back(
    before: str, after: str, value: str, name: str
) -> None:
    before, after = (text.encode("utf-8", "replace").decode() for text in (before, after))
    template = f"{before}{WORDS['greeting']}{after}{WORDS['greeting']}{WORDS['address']}\n{after}"
    letter = compile_letter(f"{name}{WORDS['greeting']}", template, template, HEAD)
    values = {"greeting": value, "address": name}
    message = parsed(finished(letter, values, name=name))
    told = {**VALUES, **values}
    for kind, html in (("plain", False), ("html", True)):
        said = message.get_body((kind,))
        assert said
        payload = cast(bytes, said.get_payload(decode=True)).decode().replace("\r\n", "\n")
        wanted = re.sub(r"\r\n|\r", "\n", template)
        assert payload.rstrip("\n") == filled(wanted, told, html=html)
    assert message["Subject"] == headers.clean(name + value)
    assert [one for one, _ in message.items()] == [one for one, _ in parsed(finished()).items()]


@given(some.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), some.integers(-14, 14))  # noqa: DTZ001
def test_any_date_reads_back(moment: datetime, hours: int) -> None:
    moment = moment.replace(microsecond=0, tzinfo=timezone(timedelta(hours=hours)))
    letter = compile_letter("", "", "", HEAD)
    raw = letter.body_for(VALUES, "", "ada@home.example", ID, headers.date(moment))
    date: Any = parsed(raw)["Date"]
    assert date.datetime == moment
