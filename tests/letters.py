"""The postbox of the tests: letters are sent as soon as they are asked for."""

import re
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives

CODE = re.compile(r"\b([B-Z]{4}-[B-Z]{4})\b")


class Postbox:
    """Every letter sent, and what one does with the newest."""

    def __len__(self) -> int:
        return len(mail.outbox)

    @property
    def newest(self) -> EmailMultiAlternatives:
        letter = mail.outbox[-1]
        assert isinstance(letter, EmailMultiAlternatives)
        return letter

    def code(self) -> str:
        found = CODE.search(self.newest.body)
        assert found, self.newest.body
        return found[1]

    def link(self) -> str:
        """Path and query of the link that the letter is about."""
        found = re.search(r"https?://\S+/account/(?:confirm|link)/\S+", self.newest.body)
        assert found, self.newest.body
        parts = urlsplit(found[0])
        assert parts.netloc == "testserver"
        return f"{parts.path}?{parts.query}" if parts.query else parts.path


@pytest.fixture
def postbox(settings: object) -> Postbox:
    """Run each task where it is enqueued, so that its letter is there at once."""
    backend = "django_tasks.backends.immediate.ImmediateBackend"
    settings.TASKS = {"default": {"BACKEND": backend}}  # type: ignore[attr-defined]
    mail.outbox = []
    return Postbox()
