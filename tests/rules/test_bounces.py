"""Mails that come back are read for what they say, and for nothing else."""

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from standfirst.newsletters.bounces.rules import What, judged, read_return


def report(kind: str, machine: str, returned: str = "Message-ID: <d7.aaaa@mag.example>") -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example\nTo: bounces@mag.example\nSubject: Undelivered\n"
        f'MIME-Version: 1.0\nContent-Type: multipart/report; report-type={kind}; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nI am sorry.\n"
        f"--b\nContent-Type: message/{kind}\n\n{machine}\n"
        f"--b\nContent-Type: text/rfc822-headers\n\n{returned}\n\n--b--\n"
    ).encode()


def bounce(action: str, status: str, words: str) -> bytes:
    return report(
        "delivery-status",
        "Reporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; ada@reader.example\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {words}\n",
    )


@pytest.mark.parametrize(
    ("action", "status", "words", "what"),
    [
        ("failed", "5.1.1", "550 5.1.1 No such user", What.REFUSED),
        ("failed", "5.0.0", "550 User unknown", What.REFUSED),
        ("failed", "5.1.10", "550 5.1.10 Null MX", What.REFUSED),
        ("failed", "5.2.1", "550 5.2.1 Mailbox disabled", What.REFUSED),
        ("failed", "5.2.2", "552 5.2.2 Mailbox full", What.NOT_TAKEN),
        ("failed", "5.7.1", "550 5.7.1 Blocked by policy", What.BLOCKED),
        ("failed", "5.0.0", "550 5.7.26 Unauthenticated mail is refused", What.BLOCKED),
        ("failed", "5.7.17", "550 5.7.17 The mailbox has another owner", What.REFUSED),
        ("failed", "5.3.4", "552 5.3.4 Too big", What.BLOCKED),
        ("failed", "5.1.8", "550 5.1.8 Sender address rejected: Domain not found", What.BLOCKED),
        ("failed", "5.0.0", "554 Message rejected as spam", What.BLOCKED),
        ("failed", "5.0.0", "550 Blocked by policy, see https://help.example/", What.BLOCKED),
        ("failed", "5.0.0", "554 Transaction failed", What.NOT_TAKEN),
        ("failed", "5.0.0", "550 Mail from 5.9.12.7 is blocked", What.BLOCKED),
        ("failed", "5.0.0", "550 host mx[2.16.4.5] said: 550 5.1.1 No such user", What.REFUSED),
        ("failed", "4.4.7", "Delivery time expired", What.NOT_TAKEN),
        ("delayed", "4.4.1", "connection timed out", What.LATE),
    ],
)
def test_a_bounce_says_whether_the_address_or_only_the_letter_was_refused(
    action: str, status: str, words: str, what: What
):
    found = read_return(bounce(action, status, words))
    assert found
    assert (found.what, found.recipient) == (what, "ada@reader.example")
    assert found.message_id == "<d7.aaaa@mag.example>"


def test_a_complaint_is_read_from_a_feedback_report():
    raw = report(
        "feedback-report",
        "Feedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\nOriginal-Rcpt-To: <ada@reader.example>",
    )
    found = read_return(raw)
    assert found
    assert (found.what, found.recipient) == (What.COMPLAINED, "ada@reader.example")


def test_a_complaint_that_says_not_spam_is_none():
    assert read_return(report("feedback-report", "Feedback-Type: not-spam\nVersion: 1")) is None


def test_a_whole_letter_that_came_back_is_read_for_its_headers():
    raw = bounce("failed", "5.1.1", "550 5.1.1 no").replace(
        b"Content-Type: text/rfc822-headers\n\nMessage-ID: <d7.aaaa@mag.example>",
        b"Content-Type: message/rfc822\n\nSubject: Hello\nMessage-ID: <d9.bbbb@mag.example>\n\nHi",
    )
    found = read_return(raw)
    assert found
    assert found.message_id == "<d9.bbbb@mag.example>"


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("Subject: Hello\nMessage-ID:\n <d7.aaaa@mag.example>\nTo: x", "<d7.aaaa@mag.example>"),
        ("MESSAGE-ID:<d7.aaaa@mag.example>", "<d7.aaaa@mag.example>"),
        ("References: <d7.aaaa@mag.example>\nMessage-ID: <own@desk.example>", "<own@desk.example>"),
        ("In-Reply-To: <d7.aaaa@mag.example>\nSubject: Message-ID: <d8@x>", ""),
    ],
)
def test_a_letter_that_came_back_is_known_by_its_own_id_not_by_one_that_it_answers(
    returned: str, message: str
):
    raw = report(
        "delivery-status",
        "Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\n"
        "Status: 5.1.1\n",
        returned,
    )
    found = read_return(raw)
    assert found
    assert found.message_id == message


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded", "nonsense"])
def test_a_letter_that_arrived_is_no_bounce(action: str):
    assert read_return(bounce(action, "2.0.0", "250 ok")) is None


def test_an_answer_from_a_reader_is_no_bounce():
    answer = EmailMessage()
    answer["Subject"] = "Re: The Daily Review: 550 5.1.1"
    answer.set_content("I am away. Action: failed\nFinal-Recipient: rfc822; you@x.example")
    assert read_return(answer.as_bytes()) is None


@given(st.binary(max_size=600))
def test_whatever_arrives_is_read_without_an_error(raw: bytes):
    read_return(raw)
    read_return(report("delivery-status", raw.decode("latin-1")))


@given(st.text(max_size=40), st.text(max_size=60))
def test_any_words_are_judged(status: str, words: str):
    assert judged(status, words) in {What.REFUSED, What.NOT_TAKEN, What.BLOCKED}
