"""A stand-in for the HTTP interface of each provider: it finishes letters as the provider's
documentation says, keeps them by recipient, and misbehaves when told.

It reads words of a letter by expressions of its own, so that a test does not lean on ours.
"""

import html
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from email.utils import parseaddr
from threading import Lock
from typing import Any
from urllib.parse import parse_qs

from tests.jsonserver import HANG_UP, json_server

TOO_FAST = 429


@dataclass(frozen=True)
class Arrived:
    """A letter as its recipient gets it."""

    subject: str
    html: str
    text: str
    unsubscribe: str


@dataclass
class Asked:
    """One request: who gets it with which words, and what all get."""

    words: dict[str, Mapping[str, str]]
    headers: dict[str, Mapping[str, str]]
    subject: str
    html: str
    text: str


@dataclass(frozen=True)
class Interface:
    """One provider's: the most recipients of a request, its words, what it asks and answers."""

    most: int
    path: str
    word: re.Pattern[str]
    reads: Callable[[str, bytes], Asked]
    answers: Callable[[Asked, list[str]], tuple[int, Any]]
    escapes: Callable[[re.Match[str]], bool] = lambda found: False


# -- Mailgun: one form; addresses many times in `to`; the words in `recipient-variables` ----------


def _mailgun(kind: str, body: bytes) -> Asked:
    form: dict[str, list[str]] = defaultdict(list)
    if kind.startswith("multipart/"):
        whole = f"Content-Type: {kind}\r\n\r\n".encode() + body
        for part in BytesParser(policy=HTTP).parsebytes(whole).iter_parts():
            name = str(part.get_param("name", header="content-disposition"))
            form[name].append(part.get_payload(decode=True).decode())
    else:
        form.update(parse_qs(body.decode(), strict_parsing=True))
    words = json.loads(form["recipient-variables"][0])
    to = [parseaddr(one)[1] for text in form["to"] for one in text.split(", ")]
    assert set(to) == set(words), "without words of their own all would see each other"
    header = form["h:List-Unsubscribe"][0]
    return Asked(
        words,
        {one: {"List-Unsubscribe": header} for one in to},
        form["subject"][0],
        form["html"][0],
        form["text"][0],
    )


def _mailgun_says(asked: Asked, bad: list[str]) -> tuple[int, Any]:
    if bad:
        return 400, {"message": "to parameter is not a valid address. please check documentation"}
    return 200, {"id": "<1@mag.example>", "message": "Queued. Thank you."}


# -- SparkPost: recipients with `substitution_data`; how many were refused, but not who -----------


def _sparkpost(kind: str, body: bytes) -> Asked:
    data = json.loads(body)
    content = data["content"]
    words = {one["address"]["email"]: one["substitution_data"] for one in data["recipients"]}
    header = content["headers"]["List-Unsubscribe"]
    return Asked(
        words,
        {one: {"List-Unsubscribe": header} for one in words},
        content["subject"],
        content["html"],
        content["text"],
    )


def _sparkpost_says(asked: Asked, bad: list[str]) -> tuple[int, Any]:
    taken = len(asked.words) - len(bad)
    return 200, {
        "results": {
            "id": "1",
            "total_accepted_recipients": taken,
            "total_rejected_recipients": len(bad),
        }
    }


# -- Mailjet: a message each, what is alike in `Globals`; an answer to each ----------------------


def _mailjet(kind: str, body: bytes) -> Asked:
    data = json.loads(body)
    messages = {one["To"][0]["Email"]: one for one in data["Messages"]}
    assert all(len(one["To"]) == 1 for one in data["Messages"])
    assert len(messages) == len(data["Messages"])
    alike = data["Globals"]
    assert alike["TemplateLanguage"] is True
    return Asked(
        {address: one["Variables"] for address, one in messages.items()},
        {address: one["Headers"] for address, one in messages.items()},
        alike["Subject"],
        alike["HTMLPart"],
        alike["TextPart"],
    )


def _mailjet_says(asked: Asked, bad: list[str]) -> tuple[int, Any]:
    said = []
    for address in asked.words:
        if address in bad:
            errors = [
                {"ErrorCode": "mj-0013", "StatusCode": 400, "ErrorRelatedTo": ["To[0].Email"]}
            ]
            said.append({"Status": "error", "Errors": errors})
        else:
            said.append({"Status": "success", "To": [{"Email": address, "MessageID": 1}]})
    return (400 if bad else 200), {"Messages": said}


# -- Brevo: `messageVersions`; a request with one bad address is refused --------------------------


def _brevo(kind: str, body: bytes) -> Asked:
    data = json.loads(body)
    versions = {one["to"][0]["email"]: one for one in data["messageVersions"]}
    assert all(len(one["to"]) == 1 for one in data["messageVersions"])
    assert len(versions) == len(data["messageVersions"])
    return Asked(
        {address: one["params"] for address, one in versions.items()},
        {address: one["headers"] for address, one in versions.items()},
        data["subject"],
        data["htmlContent"],
        data["textContent"],
    )


def _brevo_says(asked: Asked, bad: list[str]) -> tuple[int, Any]:
    if bad:
        return 400, {"code": "invalid_parameter", "message": "email is not valid in to"}
    return 201, {"messageIds": [f"<{n}@brevo>" for n in range(len(asked.words))]}


INTERFACES = {
    "mailgun": Interface(
        1000,
        "/mag.example/messages",
        re.compile(r"%recipient\.([\w:-]+)%"),
        _mailgun,
        _mailgun_says,
    ),
    "sparkpost": Interface(
        2000,
        "/transmissions/",
        re.compile(r"(?P<three>\{)?\{\{ ?(\w+) ?\}\}(?(three)\})"),
        _sparkpost,
        _sparkpost_says,
        lambda found: not found["three"],
    ),
    "mailjet": Interface(50, "/send", re.compile(r"\[\[var:(\w+)\]\]"), _mailjet, _mailjet_says),
    "brevo": Interface(
        1000,
        "/smtp/email",
        re.compile(r"\{\{ ?params\.(\w+) ?(?P<safe>\| ?safe ?)?\}\}"),
        _brevo,
        _brevo_says,
        lambda found: not found["safe"],
    ),
}


# -- the server ----------------------------------------------------------------------------------


@dataclass
class Provider:
    """The stand-in while it runs. `odd` is what it does, one after the other, from its second
    request of several readers on, instead of answering; `bad` are addresses that it takes for none,
    and it does nothing odd with these."""

    interface: Interface
    odd: list[int] = field(default_factory=list)
    bad: frozenset[str] = frozenset()
    port: int = 0
    letters: dict[str, list[Arrived]] = field(default_factory=lambda: defaultdict(list))
    hung_up_on: set[str] = field(default_factory=set)
    sizes: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    lock: Any = field(default_factory=Lock)

    @property
    def counts(self) -> Counter[str]:
        """Letters by recipient."""
        return Counter({address: len(found) for address, found in self.letters.items()})

    def take(self, path: str, kind: str, body: bytes) -> tuple[int, Any]:
        """Status and answer of a request; status 0 breaks the connection."""
        with self.lock:
            try:
                assert path == self.interface.path, path
                asked = self.interface.reads(kind, body)
                assert len(asked.words) <= self.interface.most, len(asked.words)
            except Exception as error:
                self.wrong.append(repr(error))
                return 400, {"message": "This is no request of ours."}
            self.sizes.append(len(asked.words))
            bad = sorted(self.bad & set(asked.words))
            oddly = self.odd and len(asked.words) > 1 and len(self.sizes) > 1 and not bad
            odd = self.odd.pop(0) if oddly else None
            if odd == TOO_FAST:
                return TOO_FAST, {"message": "Too many requests"}
            status, answer = self.interface.answers(asked, bad)
            if status < 300 or (len(bad) < len(asked.words) and "Messages" in answer):
                for address in set(asked.words) - set(bad):
                    self.letters[address].append(self._finished(asked, address))
            if odd == HANG_UP:
                self.hung_up_on |= set(asked.words)
                return 0, None
            return status, answer

    def _finished(self, asked: Asked, address: str) -> Arrived:
        words, word, escapes = asked.words[address], self.interface.word, self.interface.escapes

        def filled(text: str, *, in_html: bool = False) -> str:
            def value(found: re.Match[str]) -> str:
                name = next(one for one in found.groups() if one in words)
                said = str(words[name])
                return html.escape(said) if in_html and escapes(found) else said

            return word.sub(value, text)

        return Arrived(
            filled(asked.subject),
            filled(asked.html, in_html=True),
            filled(asked.text),
            filled(asked.headers[address]["List-Unsubscribe"]),
        )


@contextmanager
def provider_running(name: str, **how: Any) -> Iterator[Provider]:
    """A stand-in for a provider on loopback."""
    provider = Provider(INTERFACES[name], **how)

    def take(path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        return provider.take(path, headers["Content-Type"], body)

    with json_server(take) as provider.port:
        yield provider
