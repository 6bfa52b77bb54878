"""Which road letters take, and the two that lead into a folder and onto the screen."""

import asyncio
import io
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from standfirst.newsletters.delivery.folder import ConsoleLine, FolderLine
from standfirst.newsletters.delivery.road import Outcome, Unreachable
from tests.rules.test_smtp_line import Notes, body_of, letters


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
