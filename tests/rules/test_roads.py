"""Which road letters take, and the two that lead into a folder and onto the screen."""

import asyncio
import io
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from bench.mail.sink import sink

from standfirst.newsletters.delivery import server
from standfirst.newsletters.delivery.addresses import BadAddress
from standfirst.newsletters.delivery.folder import ConsoleLine, FolderLine
from standfirst.newsletters.delivery.road import Outcome, Outgoing, Unreachable
from standfirst.newsletters.delivery.smtp import SmtpLine
from standfirst.project.environment import email
from tests.rules.test_smtp_line import SENDER, Notes, body_of, letters


def test_a_folder_holds_each_letter_in_the_order_in_which_they_left(tmp_path: Path) -> None:
    notes, folder = Notes(), tmp_path / "a" / "outbox"
    given = letters(40, lambda number: body_of(number, b".dot\r\n\xc3\xa4\r\n"))
    asyncio.run(FolderLine(folder).carry(iter(given), notes))
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    assert [file.suffix for file in files] == [".log"] * 40
    assert [file.read_bytes() for file in files] == [one.body for one in given]
    assert message_from_bytes(files[0].read_bytes(), policy=policy.default)["Subject"] == "Letter 1"
    assert notes.outcomes() == [Outcome.ACCEPTED] * 40
    assert notes.left == [one.number for one in given]


def test_a_folder_takes_nothing_more_when_the_driver_forbids_it(tmp_path: Path) -> None:
    notes, given = Notes(allowed=2), iter(letters(9))
    asyncio.run(FolderLine(tmp_path).carry(given, notes))
    assert notes.outcomes() == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.NOT_TRIED]
    assert len(list(tmp_path.iterdir())) == 2
    assert len(list(given)) == 6


def test_a_letter_that_cannot_be_written_is_named_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    notes = Notes()
    monkeypatch.setattr("os.replace", full)
    asyncio.run(FolderLine(tmp_path).carry(iter(letters(1)), notes))
    assert notes.outcomes() == [Outcome.DEFERRED]
    assert notes.answers[1].everyone
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_takes_no_letter(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    given = iter(letters(2))
    with pytest.raises(Unreachable, match="EMAIL_URL"):
        asyncio.run(FolderLine(tmp_path / "file" / "x").carry(given, Notes()))
    assert len(list(given)) == 2


def test_the_screen_shows_who_gets_what() -> None:
    stream, notes = io.StringIO(), Notes(allowed=1)
    asyncio.run(ConsoleLine(stream).carry(iter(letters(3)), notes))
    assert stream.getvalue().startswith("To <reader1@home.example>\nSubject: Letter 1\n\nGood")
    assert notes.outcomes() == [Outcome.ACCEPTED, Outcome.NOT_TRIED]


def test_the_road_follows_from_email_url(tmp_path: Path) -> None:
    def kind(url: str) -> list[type]:
        return [type(line) for line in server.lines_by(email(url), sender=SENDER)(2)]

    assert kind(f"file://{tmp_path}") == [FolderLine] * 2
    assert kind("console:") == [ConsoleLine] * 2
    assert kind("smtp://mail.example") == [SmtpLine] * 2
    safe = server.server_of(email("smtps://ada:p%40ss@mail.example"), hello="magazine.example")
    assert (safe.host, safe.port, safe.user, safe.password) == ("mail.example", 465, "ada", "p@ss")
    assert (safe.secure, safe.start_tls, safe.hello) == (True, False, "magazine.example")
    usual = server.server_of(email("smtp://mail.example"))
    assert (usual.port, usual.secure, usual.start_tls) == (587, False, True)
    plain = server.server_of(email("smtp://mail.example:25?tls=0"))
    assert (plain.port, plain.secure, plain.start_tls) == (25, False, False)


def test_where_there_is_no_road_it_says_what_to_set() -> None:
    with pytest.raises(server.NoRoad, match="Set EMAIL_URL"):
        server.lines_by(
            {"EMAIL_BACKEND": "django.core.mail.backends.locmem.EmailBackend"}, sender=""
        )
    with pytest.raises(BadAddress):
        server.lines_by(email("smtp://mail.example"), sender="nobody")


def test_letters_leave_by_the_settings_alone_in_a_quick_loop() -> None:
    notes = Notes()

    async def work() -> list[Outgoing]:
        async with sink(keep=True) as served:
            url = f"smtp://127.0.0.1:{served.port}?tls=0"
            lines = server.lines_by(email(url), sender=SENDER, hello="magazine.example")(2)
            rest = iter(letters(30))
            await asyncio.gather(*(line.carry(rest, notes) for line in lines))
            for line in lines:
                await line.close()
            assert served.heard.count("EHLO magazine.example") == 2
            assert len(served.accepted) == 30
            assert set(served.accepted.values()) == {1}
            return list(rest)

    notes.body_leaves = lambda number: True  # type: ignore[method-assign]  # two lines at once
    assert server.run(work()) == []
    assert notes.outcomes() == [Outcome.ACCEPTED] * 30
