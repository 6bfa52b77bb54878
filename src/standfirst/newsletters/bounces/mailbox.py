"""The mailbox that bounces arrive in, read over IMAP (RFC 9051)."""

import imaplib
import time
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import unquote, urlsplit

AT_ONCE = 500
SECONDS, PATIENCE = 5.0, 10.0  # for all, and for one answer: the worker does nothing else meanwhile
LARGEST = 2_000_000  # bytes; a bounce that holds the whole letter is far smaller


class Unreadable(Exception):  # noqa: N818
    """The mailbox cannot be read; the text says why in a sentence."""


def read_mailbox(
    url: str, hear: Callable[[bytes], bool], seconds: float = SECONDS
) -> tuple[int, int]:
    """Give unread mails of a mailbox to `hear` for so many seconds (at least one), and mark each as
    read once that has returned, so that one at which we were killed is read again.

    `url` is `imaps://user:password@host/folder` (or `imap://`, for a server on this machine). Says
    how many were read, and to how many `hear` said yes. Raises Unreadable."""
    parts = urlsplit(url)
    if parts.scheme not in {"imap", "imaps"} or not parts.hostname:
        raise Unreadable(
            "BOUNCE_MAILBOX is not understood. Write imaps://user:password@host/INBOX."
        )
    server = imaplib.IMAP4_SSL if parts.scheme == "imaps" else imaplib.IMAP4
    port = parts.port or (993 if parts.scheme == "imaps" else 143)
    try:
        box = server(parts.hostname, port, timeout=PATIENCE)
    except (OSError, imaplib.IMAP4.error) as error:
        raise Unreadable(f"The mailbox at {parts.hostname} cannot be reached: {error}.") from error
    try:
        box.login(unquote(parts.username or ""), unquote(parts.password or ""))
        folder = unquote(parts.path.strip("/")) or "INBOX"
        if box.select(f'"{folder}"')[0] != "OK":
            raise Unreadable(f"The mailbox has no folder “{folder}”.")
        return _read(box, hear, time.monotonic() + seconds)
    except (OSError, imaplib.IMAP4.error) as error:
        raise Unreadable(f"The mailbox at {parts.hostname} would not be read: {error}.") from error
    finally:
        with suppress(OSError, imaplib.IMAP4.error):
            box.logout()


def _read(box: imaplib.IMAP4, hear: Callable[[bytes], bool], until: float) -> tuple[int, int]:
    _, found = box.uid("SEARCH", "UNSEEN", "SMALLER", str(LARGEST))
    numbers = (found[0] or b"").split()[:AT_ONCE]
    count = heard = 0
    for number in numbers:
        _, answer = box.uid("FETCH", number.decode(), "(BODY.PEEK[])")
        raw = next((part[1] for part in answer if isinstance(part, tuple)), None)
        if raw is None:  # not handed out now, or deleted by somebody else
            continue
        heard += hear(raw)
        box.uid("STORE", number.decode(), "+FLAGS", r"(\Seen)")
        count += 1
        if time.monotonic() > until:
            break
    return count, heard
