"""Signed letters through a real Postfix: every one accepted, and handed on by it once and whole."""

import asyncio
import re
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from bench.mail.letter import HOST, SENDER, letters
from bench.mail.postfix import missing, postfix

from standfirst.newsletters.delivery.road import Outcome
from standfirst.newsletters.delivery.smtp import Server, SmtpLine
from tests.rules.test_smtp_line import Notes

pytestmark = [pytest.mark.server, pytest.mark.skipif(bool(missing()), reason=missing())]
MANY = 200
HANDED_ON = re.compile(r"to=<(reader\d+@home\.example)>.*status=sent")


def test_postfix_takes_every_letter_once():
    notes = Notes()
    # Not in pytest's folder, in which Postfix's own user finds nothing.
    with TemporaryDirectory() as name, postfix(Path(name)) as port:
        server = Server(host="127.0.0.1", port=port, hello=HOST)

        async def send() -> None:
            line = SmtpLine(server, SENDER)
            await line.carry(letters(MANY, signed=True), notes)
            await line.close()

        asyncio.run(send())
        log = Path(name) / "log"
        end = time.monotonic() + 30
        while len(HANDED_ON.findall(log.read_text())) < MANY and time.monotonic() < end:
            time.sleep(0.2)
        handed_on = Counter(HANDED_ON.findall(log.read_text()))
    assert {answer.outcome for answer in notes.answers.values()} == {Outcome.ACCEPTED}
    assert handed_on == {f"reader{number}@home.example": 1 for number in range(1, MANY + 1)}
