"""The sender as operators meet it: the worker starts it, and it ends by itself."""

import os
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from django.conf import settings

from standfirst.newsletters.delivery.process import Children, somebody_sends
from standfirst.newsletters.models import Sending, SendingState
from standfirst.project.cli import main
from tests.apart import database_url
from tests.letters_sent import assert_exact, begin_daily, readers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.attack
def test_the_worker_starts_a_sender_where_letters_wait_and_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    journals, outbox = tmp_path / "journals", tmp_path / "outbox"
    monkeypatch.setattr(settings, "MAIL_JOURNALS", journals)
    for name, value in {
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "standfirst.project.settings",
        "EMAIL_URL": f"file://{outbox}",
        "MAIL_JOURNALS": str(journals),
        "PYTHONPATH": os.pathsep.join(["src", "."]),
    }.items():
        monkeypatch.setenv(name, value)
    outbox.mkdir()
    children = Children()
    assert not children.start_if_needed(), "nothing waits"
    readers(5)
    sending = begin_daily()
    assert main(["mail", "status"]) == 0
    assert "edition:1, sending: 5 queued" in capsys.readouterr().out
    assert children.start_if_needed()
    assert not children.start_if_needed(), "they are enough"
    assert [one.wait(60) for one in children._running] == [0] * settings.MAIL_SENDERS
    letters = [
        message_from_bytes(one.read_bytes(), policy=policy.default) for one in outbox.iterdir()
    ]
    assert_exact(sending, {letter["To"].addresses[0].addr_spec: 1 for letter in letters}, doubt=0)
    assert Sending.objects.get().state == SendingState.DONE
    assert not somebody_sends(journals)
    letter = letters[0]
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter["List-Unsubscribe"].endswith("/off/>")
    assert letter["List-Id"].startswith("<daily.")
    children._begun = float("-inf")
    assert not children.start_if_needed(), "nothing is left"
    assert main(["mail", "status"]) == 0
    assert "edition:1, done: 5 accepted" in capsys.readouterr().out


def test_a_sender_that_is_told_to_stop_ends(tmp_path: Path) -> None:
    Children().stop()  # none was started: nothing happens
    assert not somebody_sends(tmp_path)
