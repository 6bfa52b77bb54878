"""Chunks over a provider's interface: what is asked for, and what each answer means.

The stand-in takes what Anymail really sends. What providers then do with it cannot be tried here.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from email.parser import BytesParser
from email.policy import HTTP
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import pytest

from standfirst.newsletters.delivery.chunks import (
    PROVIDERS,
    ChunkLetter,
    Reader,
    provider_named,
    send_chunk,
)
from standfirst.newsletters.delivery.provider import ProviderLine, worded
from standfirst.newsletters.delivery.road import Outcome
from standfirst.newsletters.slots import SLOTS, WORD, word_of
from standfirst.project import environment
from tests.jsonserver import HANG_UP, json_server

LETTER = ChunkLetter(
    subject="Ports {{reopen}} %recipient.name%",
    html=f"<p>{word_of('greeting')}</p><p>A {{{{brace}}}}</p><i>{word_of('unsubscribe')}</i>",
    text=f"{word_of('greeting')}\n\nA {{{{brace}}}} and [[bracket]]\n{word_of('unsubscribe')}\n",
    sender="The Meridian <review@mag.example>",
    reply_to="editors@mag.example",
    list_id="The Daily Review <daily-review.mag.example>",
)


def reader(number: int, name: str = "Ada", address: str = "") -> Reader:
    address = address or f"reader{number}@mail.example"
    values = dict.fromkeys(SLOTS, "") | {
        "greeting": f"Good morning, {name}",
        "unsubscribe": f"https://mag.example/mail/t{number}/off/",
    }
    return Reader(number, name, address, values)


@dataclass
class Standin:
    """Takes requests, keeps them, and answers as it is told."""

    port: int = 0
    asked: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    answer: Any = None
    status: int = 200

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        self.asked.append((headers, body))
        said = self.answer(body) if self.status != HANG_UP else None  # it may change the status
        return self.status, said


@pytest.fixture
def standin() -> Iterator[Standin]:
    it = Standin()
    with json_server(it.take) as it.port:
        yield it


URLS = {
    "mailgun": "mailgun://key@mag.example",
    "sparkpost": "sparkpost://key@",
    "mailjet": "mailjet://key:secret@",
    "brevo": "brevo://key@",
}
ANSWERS = {
    "mailgun": lambda body: {"id": "<1@mag.example>", "message": "Queued. Thank you."},
    "sparkpost": lambda body: {
        "results": {
            "id": "1",
            "total_accepted_recipients": len(json.loads(body)["recipients"]),
            "total_rejected_recipients": 0,
        }
    },
    "mailjet": lambda body: {
        "Messages": [
            {
                "Status": "success",
                "To": [{"Email": one["To"][0]["Email"], "MessageID": 1, "MessageUUID": "u"}],
            }
            for one in json.loads(body)["Messages"]
        ]
    },
    "brevo": lambda body: {"messageIds": [f"<{n}@brevo>" for n in range(2)]},
}


@pytest.fixture(params=list(URLS))
def provider(request: Any, settings: Any, standin: Standin) -> str:
    name: str = request.param
    use(name, settings, standin)
    return name


def use(name: str, settings: Any, standin: Standin) -> None:
    standin.answer = ANSWERS[name]
    address = f"http://127.0.0.1:{standin.port}/"
    for key, value in environment.email(f"{URLS[name]}?api={address}").items():
        setattr(settings, key, value)


def as_sent(name: str, standin: Standin) -> dict[str, Any]:
    """What the provider was asked, as one shape: html, text, subject, and words by address."""
    headers, body = standin.asked[0]
    if name == "mailgun":
        if headers["Content-Type"].startswith("multipart"):
            raw = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body
            form = {
                str(part.get_param("name", header="content-disposition")): part.get_payload(
                    decode=True
                ).decode()
                for part in BytesParser(policy=HTTP).parsebytes(raw).iter_parts()
            }
        else:
            form = {key: value[0] for key, value in parse_qs(body.decode()).items()}
        return {
            "html": form["html"],
            "text": form["text"],
            "subject": form["subject"],
            "words": json.loads(form["recipient-variables"]),
        }
    data = json.loads(body)
    if name == "sparkpost":
        return {
            "html": data["content"]["html"],
            "text": data["content"]["text"],
            "subject": data["content"]["subject"],
            "words": {
                one["address"]["email"]: one["substitution_data"] for one in data["recipients"]
            },
        }
    if name == "mailjet":
        return {
            "html": data["Globals"]["HTMLPart"],
            "text": data["Globals"]["TextPart"],
            "subject": data["Globals"]["Subject"],
            "words": {one["To"][0]["Email"]: one["Variables"] for one in data["Messages"]},
        }
    return {
        "html": data["htmlContent"],
        "text": data["textContent"],
        "subject": data["subject"],
        "words": {one["to"][0]["email"]: one["params"] for one in data["messageVersions"]},
    }


def test_one_request_carries_every_readers_words(provider: str, standin: Standin):
    answers = send_chunk(LETTER, [reader(1), reader(2, "Bob <b>")])
    assert [(one.number, one.outcome) for one in answers] == [
        (1, Outcome.ACCEPTED),
        (2, Outcome.ACCEPTED),
    ]
    assert len(standin.asked) == 1
    sent = as_sent(provider, standin)
    words = sent["words"]["reader2@mail.example"]
    assert words["greeting"] == "Good morning, Bob <b>"
    assert words["greeting_html"] == "Good morning, Bob &lt;b&gt;"
    known = PROVIDERS[provider]
    assert f"<p>{known.in_html('greeting_html')}</p>" in sent["html"]
    assert sent["text"].startswith(known.in_text("greeting"))
    assert not WORD.search(sent["html"] + sent["text"])


def test_each_reader_has_their_own_unsubscribe_header_and_number(provider: str, standin: Standin):
    send_chunk(LETTER, [reader(1), reader(2)])
    asked = unquote_plus(standin.asked[0][1].decode())
    for number in (1, 2):
        assert f"/mail/t{number}/off/" in asked
    assert "List-Unsubscribe=One-Click" in asked
    assert "delivery" in asked


def test_what_an_editor_wrote_is_never_read_as_a_word_of_the_provider(
    provider: str, standin: Standin
):
    send_chunk(LETTER, [reader(1), reader(2)])
    sent = as_sent(provider, standin)
    ours = [PROVIDERS[provider].in_text(name) for name in SLOTS]
    ours += [PROVIDERS[provider].in_html(f"{name}_html") for name in SLOTS]
    for part in ("html", "text", "subject"):
        left = sent[part]
        for one in ours:
            left = left.replace(one, "")
        assert not any(opening in left for opening in PROVIDERS[provider].openings), part


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (429, Outcome.DEFERRED),
        (503, Outcome.DEFERRED),
        (401, Outcome.DEFERRED),
        (400, Outcome.DEFERRED),
        (500, Outcome.UNCERTAIN),
        (502, Outcome.UNCERTAIN),
        (0, Outcome.UNCERTAIN),
    ],
)
def test_a_failure_is_certain_only_where_the_provider_said_so(
    settings: Any, standin: Standin, status: int, outcome: Outcome
):
    use("mailgun", settings, standin)
    standin.status = status
    answers = send_chunk(LETTER, [reader(1), reader(2)])
    assert {one.outcome for one in answers} == {outcome}
    assert all(one.everyone for one in answers)


def test_a_provider_that_cannot_be_reached_took_nothing(settings: Any, standin: Standin):
    use("brevo", settings, standin)
    settings.ANYMAIL = {**settings.ANYMAIL, "BREVO_API_URL": "http://127.0.0.1:9/"}
    assert {one.outcome for one in send_chunk(LETTER, [reader(1)])} == {Outcome.DEFERRED}


def test_one_reader_whom_the_provider_refuses_is_refused_alone(settings: Any, standin: Standin):
    use("mailjet", settings, standin)
    fine = ANSWERS["mailjet"]

    def one_refused(body: bytes) -> Any:
        answer = fine(body)
        answer["Messages"][1] = {
            "Status": "error",
            "Errors": [{"ErrorMessage": "blocked", "StatusCode": 400, "ErrorRelatedTo": ["To"]}],
        }
        return answer

    standin.answer = one_refused
    answers = send_chunk(LETTER, [reader(1), reader(2), reader(3)])
    assert [one.outcome for one in answers] == [
        Outcome.ACCEPTED,
        Outcome.REFUSED,
        Outcome.ACCEPTED,
    ]


@pytest.mark.parametrize("address", ["no address", "jürgen@mail.example"])
def test_an_address_that_cannot_be_written_does_not_keep_the_others_from_theirs(
    settings: Any, standin: Standin, address: str
):
    use("mailgun", settings, standin)
    answers = send_chunk(LETTER, [reader(1), reader(2, address=address), reader(3)])
    assert [one.outcome for one in answers] == [
        Outcome.ACCEPTED,
        Outcome.REFUSED,
        Outcome.ACCEPTED,
    ]


def refusing(*addresses: str, status: int = 400) -> tuple[Any, list[int]]:
    """Answers of a provider that refuses a request for one bad address, and how often it did."""
    asked = [0]

    def answer(server: Standin) -> Any:
        def says(body: bytes) -> Any:
            asked[0] += 1
            text = unquote_plus(body.decode())
            server.status = status if any(one in text for one in addresses) else 200
            return ANSWERS["brevo"](body) if server.status == 200 else {"message": "not valid"}

        return says

    return answer, asked


@pytest.mark.parametrize("bad", [(1,), (500,), (137,), (3, 250, 251), (1, 2, 499)])
def test_a_request_refused_for_some_addresses_is_parted_until_only_these_are_refused(
    settings: Any, standin: Standin, bad: tuple[int, ...]
):
    use("brevo", settings, standin)
    answer, asked = refusing(*(f'"reader{n}@mail.example"' for n in bad))
    standin.answer = answer(standin)
    answers = send_chunk(LETTER, [reader(n) for n in range(1, 501)])
    assert [one.number for one in answers] == [*range(1, 501)], "in their order"
    refused = [one.number for one in answers if one.outcome is Outcome.REFUSED]
    assert refused == list(bad)
    assert all(
        not one.everyone and "not valid" in one.words for one in answers if one.number in bad
    )
    assert {one.outcome for one in answers if one.number not in bad} == {Outcome.ACCEPTED}
    assert asked[0] < 3 + 20 * len(bad)


def test_a_letter_that_a_provider_refuses_makes_everyone_wait_and_blames_nobody(
    settings: Any, standin: Standin
):
    use("brevo", settings, standin)
    answer, asked = refusing("Ports")
    standin.answer = answer(standin)
    answers = send_chunk(LETTER, [reader(n) for n in range(1, 501)])
    assert {(one.outcome, one.everyone) for one in answers} == {(Outcome.DEFERRED, True)}
    assert asked == [3]


def test_a_chunk_that_is_too_big_is_not_sent(settings: Any, standin: Standin):
    use("mailjet", settings, standin)
    with pytest.raises(ValueError, match="too many readers"):
        send_chunk(LETTER, [reader(n) for n in range(51)])
    with pytest.raises(ValueError, match="one address twice"):
        send_chunk(LETTER, [reader(1, address="a@b.example"), reader(2, address="a@b.example")])
    assert not standin.asked


def test_names_go_as_they_were_written(settings: Any, standin: Standin):
    use("mailjet", settings, standin)
    letter = replace(LETTER, sender='"Münchner Blick" <post@mag.example>')
    send_chunk(letter, [reader(1, "Zoë, „Zo“"), reader(2, 'Bob "the" Smith')])
    asked = json.loads(standin.asked[0][1])
    names = [one["To"][0]["Name"] for one in asked["Messages"]]
    assert names == ["Zoë, „Zo“", 'Bob "the" Smith']
    assert asked["Globals"]["From"]["Name"] == "Münchner Blick"


def test_names_cannot_start_a_header(provider: str, standin: Standin):
    hostile = "Eve\r\nBcc: all@mag.example\n😀" + "x" * 10_000
    send_chunk(LETTER, [reader(1, hostile[:120]), reader(2, hostile[:120])])
    assert standin.asked


@pytest.mark.parametrize(
    ("url", "backend"),
    [("smtp://relay.example", None), ("console:", None), ("mailgun://key@mag.example", "mailgun")],
)
def test_only_providers_that_take_many_in_one_request_take_chunks(url: str, backend: str | None):
    found = provider_named(environment.email(url)["EMAIL_BACKEND"])
    assert found is (PROVIDERS[backend] if backend else None)


@pytest.mark.parametrize("url", ["mailgun://key@", "mailjet://key@", "brevo://", "mailgun://x"])
def test_a_provider_without_its_key_is_refused_with_a_sentence(url: str):
    with pytest.raises(environment.BadSetting, match="EMAIL_URL lacks a part"):
        environment.email(url)


# -- as a sender drives it ------------------------------------------------------------------------


class Hears:
    """A driver that allows so many bodies, and keeps what it is told."""

    def __init__(self, allows: int = 10_000) -> None:
        self.left: list[int] = []
        self.answers: list[tuple[int, Outcome]] = []
        self._allows = allows

    def body_leaves(self, number: int) -> bool:
        if len(self.left) >= self._allows:
            return False
        self.left.append(number)
        return True

    def answered(self, answer: Any) -> None:
        self.answers.append((answer.number, answer.outcome))


def carry(readers: list[Reader], driver: Hears, letter: ChunkLetter = LETTER) -> None:
    make = worded(letter)
    line = ProviderLine(PROVIDERS["mailjet"])
    people = [SimpleNamespace(delivery=r.number, name=r.name, address=r.address) for r in readers]
    letters = [make(who, r.values) for who, r in zip(people, readers, strict=True)]
    asyncio.run(line.carry(iter(letters), driver))


def test_a_batch_leaves_in_requests_of_the_size_that_the_provider_takes(
    settings: Any, standin: Standin
):
    use("mailjet", settings, standin)
    driver = Hears()
    carry([reader(n) for n in range(1, 121)], driver)
    assert len(standin.asked) == 3
    assert driver.answers == [(n, Outcome.ACCEPTED) for n in range(1, 121)]


def test_each_letter_gets_one_answer_where_the_lease_ends_in_the_middle(
    settings: Any, standin: Standin
):
    use("mailjet", settings, standin)
    driver = Hears(allows=60)
    carry([reader(n) for n in range(1, 121)], driver)
    assert len(standin.asked) == 2
    assert [n for n, outcome in driver.answers if outcome is Outcome.ACCEPTED] == driver.left
    assert [n for n, outcome in driver.answers if outcome is Outcome.NOT_TRIED] == [*range(61, 121)]


def test_all_of_a_request_whose_answer_is_lost_are_in_doubt_and_no_others(
    settings: Any, standin: Standin
):
    use("mailjet", settings, standin)
    fine = ANSWERS["mailjet"]

    def breaks_down_at_the_second(body: bytes) -> Any:
        standin.status = 500 if len(standin.asked) == 2 else 200
        return fine(body)

    standin.answer = breaks_down_at_the_second
    driver = Hears()
    carry([reader(n) for n in range(1, 121)], driver)
    doubtful = [n for n, outcome in driver.answers if outcome is Outcome.UNCERTAIN]
    assert doubtful == [*range(51, 101)]
    assert len(driver.answers) == 120
