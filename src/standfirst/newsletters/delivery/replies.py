"""What an SMTP server says: replies out of bytes (RFC 5321 §4.2), and whom they are about. It
imports no framework."""

import re
from enum import StrEnum
from typing import NamedTuple

MOST = 65_536  # octets of one reply; RFC 5321 promises lines of 512
ENHANCED = re.compile(r"[245]\.(\d{1,3})\.(\d{1,3})(?:\s|$)")  # RFC 3463
GREYLISTED = re.compile(r"gr[ae]y[- ]?list", re.IGNORECASE)
ABOUT_US = frozenset({421, 454, 530, 534, 535, 538})  # closing, and all that is about signing in


class Reply(NamedTuple):
    """A whole reply: its code, and its lines without code, joined by line feeds."""

    code: int
    text: str

    @property
    def words(self) -> str:
        """In one line, as an answer keeps it."""
        text = self.text
        return text if text.isprintable() and len(text) <= 400 else " ".join(text.split())[:400]


class NoReply(ValueError):  # noqa: N818
    """What came is no reply of SMTP."""


class Reader:
    """Bytes in, whole replies out, however they are cut."""

    def __init__(self) -> None:
        self.rest = b""
        self._lines: list[str] = []
        self._known: dict[bytes, Reply] = {}  # servers say the same few lines a million times

    def read(self, data: bytes) -> list[Reply]:
        """The replies that are complete now; what is none has the code 0. Raises NoReply where one
        does not end."""
        lines = (self.rest + data if self.rest else data).split(b"\n")
        self.rest = lines.pop()
        if len(self.rest) > MOST or len(self._lines) > MOST // 64:
            raise NoReply("The server's reply does not end.")
        found = []
        for line in lines:
            reply = self._known.get(line) if not self._lines else None
            reply = reply or self._reply(line)
            if reply:
                found.append(reply)
        return found

    def _reply(self, line: bytes) -> Reply | None:
        """What a line ends or is; None for one that goes on."""
        text = line.decode("utf-8", "replace").rstrip("\r")
        code, mark = text[:3], text[3:4]
        if not (code.isdecimal() and code.isascii()) or code[0] not in "2345":
            return Reply(0, text)
        if mark == "-":
            self._lines.append(text[4:])
            return None
        if mark not in ("", " "):
            return Reply(0, text)
        if self._lines:
            whole = "\n".join([*self._lines, text[4:]])
            self._lines = []
            return Reply(int(code), whole)
        reply = Reply(int(code), text[4:])
        if len(line) < 100:
            if len(self._known) >= 64:
                self._known.clear()
            self._known[line] = reply
        return reply


class Stage(StrEnum):
    """What a reply answers."""

    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    END = "end of the body"


def about_everyone(reply: Reply, stage: Stage) -> bool:
    """Is a refusal about us rather than about this address or letter? Then the next one would
    hear it too.

    What answers MAIL or DATA is, since neither names the reader. To RCPT and to the end of the
    body, RFC 3463's subjects say it: x.3 (the server's system), x.7 (its policy), 4.5.3 (too many
    at once), x.1.7 and x.1.8 (our own address, of which many servers speak as late as this). Of x.7
    three are about one address: x.7.13 and x.7.17, and greylisting, which many servers call so.
    Where a server gives no subject, 451 and 452 are about itself (RFC 5321 §4.2.3)."""
    if reply.code in ABOUT_US or stage in (Stage.MAIL, Stage.DATA):
        return True
    found = ENHANCED.match(reply.text)
    if not found:
        return reply.code in (451, 452)
    subject, detail = found.groups()
    if subject == "7":
        return detail not in ("13", "17") and not GREYLISTED.search(reply.text)
    if subject == "1":
        return detail in ("7", "8")
    return subject == "3" or (reply.code < 500 and (subject, detail) == ("5", "3"))
