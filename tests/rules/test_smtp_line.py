"""Letters over SMTP against a server that misbehaves: what the line says of each is what became of
it."""

import asyncio
import datetime
import random
import ssl
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bench.mail.sink import AT, Running, Sink, read_record, running, sink
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from standfirst.newsletters.delivery.addresses import BadAddress, on_the_wire
from standfirst.newsletters.delivery.replies import Reader, Reply, Stage, about_everyone
from standfirst.newsletters.delivery.road import Answer, Outcome, Outgoing, Unreachable
from standfirst.newsletters.delivery.smtp import Patience, Server, SmtpLine
from tests.patience import patient

ACCEPTED, REFUSED, DEFERRED = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.DEFERRED
UNCERTAIN, NOT_TRIED = Outcome.UNCERTAIN, Outcome.NOT_TRIED
SENDER = "bounces@magazine.example"


def body_of(number: int, more: bytes = b"") -> bytes:
    return b"Subject: Letter %d\r\n\r\nGood morning.\r\n%b" % (number, more)


def quick() -> Patience:
    """For a server that says nothing more. The connection itself is given all the time it needs."""
    second = patient(1)
    return Patience(greeting=second / 2, command=second / 2, data=second / 2, end=second)


def letters(many: int, body: Callable[[int], bytes] = body_of) -> list[Outgoing]:
    return [
        Outgoing(number, f"reader{number}@home.example", body(number))
        for number in range(1, many + 1)
    ]


class Notes:
    """A driver that remembers, and checks what a line owes whoever drives it."""

    def __init__(self, allowed: int = 10**9) -> None:
        self.left: list[int] = []
        self.answers: dict[int, Answer] = {}
        self.allowed = allowed

    def body_leaves(self, number: int) -> bool:
        assert all(one in self.answers for one in self.left), "two bodies in doubt at once"
        assert number not in self.left
        if len(self.left) >= self.allowed:
            return False
        self.left.append(number)
        return True

    def answered(self, answer: Answer) -> None:
        assert answer.number not in self.answers, "answered twice"
        assert "\n" not in answer.words
        assert len(answer.words) <= 400
        self.answers[answer.number] = answer

    def outcomes(self) -> list[Outcome]:
        return [self.answers[number].outcome for number in sorted(self.answers)]


class Story:
    """One or several calls of `carry` over one line, and what the server knows of them."""

    def __init__(self) -> None:
        self.notes = Notes()
        self.left_over: list[Outgoing] = []
        self.error: BaseException | None = None
        self.server: Sink

    def agrees(self, given: list[Outgoing]) -> None:
        """Server and line say the same of each letter; at most one is in doubt."""
        addresses = {one.number: on_the_wire(one.recipient) for one in given}
        for number, answer in self.notes.answers.items():
            got = self.server.accepted[addresses[number]]
            if answer.outcome is ACCEPTED:
                assert got == 1, answer
            elif answer.outcome is UNCERTAIN:
                assert got <= 1, answer
            else:
                assert got == 0, answer
            if answer.outcome is NOT_TRIED:
                assert number not in self.notes.left
        assert self.notes.outcomes().count(UNCERTAIN) <= 1
        for one in self.left_over:
            assert one.number not in self.notes.answers
            assert self.server.accepted[one.recipient] == 0


def tell(
    given: list[Outgoing],
    *,
    allowed: int = 10**9,
    calls: int = 1,
    patience: Patience | None = None,
    line: dict[str, Any] | None = None,
    answers: dict[str, bytes] | None = None,
    sender: str = SENDER,
    **server: Any,
) -> Story:
    """Carry letters to a server with these troubles, in so many calls, and compare. All the time
    that it needs is given to a server that will answer."""
    story = Story()
    patience = patience or (quick() if "hang" in server else Patience())
    story.notes.allowed = allowed

    async def run() -> None:
        async with sink(keep=True, **server) as story.server:
            story.server.answers |= answers or {}
            options = {"host": "127.0.0.1", "port": story.server.port, "patience": patience}
            made = SmtpLine(Server(**{**options, **(line or {})}), sender)
            rest = iter(given)
            for _ in range(calls):
                await made.carry(rest, story.notes)
            await made.close()
            story.left_over = list(rest)

    asyncio.run(run())
    story.agrees(given)
    return story


# -- what is usual ----------------------------------------------------------------------------


@pytest.mark.parametrize("pipelining", [0, 1])
def test_each_letter_arrives_once_and_as_it_was(pipelining: int) -> None:
    given = letters(20, lambda number: body_of(number, b".dot\r\n..two\r\n.\r\nend\r\n"))
    story = tell(given, pipelining=pipelining)
    assert story.notes.outcomes() == [ACCEPTED] * 20
    assert story.server.messages == [(SENDER, [one.recipient], one.body) for one in given]
    assert story.notes.left == [one.number for one in given]


def test_a_body_without_an_end_of_line_and_an_empty_one_arrive_too() -> None:
    given = [Outgoing(1, "reader1@home.example", b"A: b\r\n\r\nend")]
    given += [Outgoing(2, "reader2@home.example", b"")]
    bodies = [body for _, _, body in tell(given).server.messages]
    assert bodies == [b"A: b\r\n\r\nend\r\n", b"\r\n"]


def test_the_next_envelope_travels_with_the_body_and_the_next_body_does_not() -> None:
    """At 30 ms an answer, ten letters cost ten round trips, and not forty."""
    began = asyncio.new_event_loop().time()
    story = tell(letters(10), delay=30)
    took = asyncio.new_event_loop().time() - began
    assert story.notes.outcomes() == [ACCEPTED] * 10
    assert 10 * 0.03 < took < patient(25 * 0.03), took


def test_a_line_is_used_again_and_says_goodbye() -> None:
    given = letters(6)
    story = tell(given, calls=1)
    assert story.server.heard.count("QUIT") == 1
    assert sum(one.startswith("EHLO") for one in story.server.heard) == 1


def test_one_connection_serves_several_calls() -> None:
    story = Story()

    async def run() -> None:
        async with sink(keep=True) as story.server:
            made = SmtpLine(Server("127.0.0.1", story.server.port), SENDER)
            for one in letters(3):
                await made.carry(iter([one]), story.notes)
            await made.carry(iter([]), story.notes)
            await made.close()
            await made.close()

    asyncio.run(run())
    story.agrees(letters(3))
    assert sum(one.startswith("EHLO") for one in story.server.heard) == 1
    assert story.notes.outcomes() == [ACCEPTED] * 3


# -- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize("pipelining", [0, 1])
@pytest.mark.parametrize("strict", [0, 1])
@pytest.mark.parametrize("point", ["mail", "rcpt", "data", "end"])
@pytest.mark.parametrize("code", [450, 550])
def test_a_refused_letter_is_named_and_the_others_arrive(
    code: int, point: str, strict: int, pipelining: int
) -> None:
    story = tell(
        letters(9),
        refuse=3,
        refuse_at=point,
        refuse_code=code,
        strict=strict,
        pipelining=pipelining,
    )
    about_us = point in ("mail", "data")
    no = REFUSED if code == 550 and not about_us else DEFERRED
    assert story.notes.outcomes() == [ACCEPTED, ACCEPTED, no] * 3
    answer = story.notes.answers[3]
    assert (answer.code, answer.everyone) == (code, about_us)
    assert len(story.server.messages) == 6


@pytest.mark.parametrize("strict", [0, 1])
def test_nobody_gets_a_message_after_every_reader_was_refused(strict: int) -> None:
    no = {f"reader{number}@home.example": b"550 5.1.1 no such user" for number in range(1, 6)}
    story = tell(letters(5), answers=no, strict=strict)
    assert story.notes.outcomes() == [REFUSED] * 5
    assert story.server.messages == []
    assert story.notes.left == []


def test_a_reply_of_many_lines_is_one_answer() -> None:
    no = {"reader2@home.example": b"550-5.1.1 no such\r\n550-5.1.1 user\r\n550 5.1.1 here"}
    story = tell(letters(3), answers=no)
    assert story.notes.outcomes() == [ACCEPTED, REFUSED, ACCEPTED]
    assert story.notes.answers[2].words == "5.1.1 no such 5.1.1 user 5.1.1 here"


def test_a_letter_that_is_too_big_is_said_to_be_about_us() -> None:
    story = tell(letters(2, lambda number: body_of(number, b"x" * 5000)), size=1000)
    assert {(one.code, one.everyone) for one in story.notes.answers.values()} == {(552, True)}


@pytest.mark.parametrize(
    ("said", "stage", "us"),
    [
        ("550 5.1.1 no such user", Stage.RCPT, False),
        ("550 no such user", Stage.RCPT, False),
        ("452 4.2.2 mailbox full", Stage.RCPT, False),
        ("450 4.7.1 Greylisted, try again", Stage.RCPT, False),
        ("554 5.6.0 not this letter", Stage.END, False),
        ("450 4.7.28 too fast", Stage.RCPT, True),
        ("451 4.3.0 queue full", Stage.END, True),
        ("451 local error", Stage.END, True),
        ("452 4.5.3 too many recipients", Stage.RCPT, True),
        ("550 5.7.26 unauthenticated mail", Stage.END, True),
        ("554 5.7.1 relay access denied", Stage.RCPT, True),
        ("454 4.7.0 sign in again", Stage.MAIL, True),
        ("550 sender unknown", Stage.MAIL, True),
        ("450 4.1.8 Sender address rejected: Domain not found", Stage.RCPT, True),
        ("550 5.1.7 bad sender", Stage.RCPT, True),
        ("554 5.7.13 account disabled", Stage.RCPT, False),
        ("421 closing", Stage.RCPT, True),
    ],
)
def test_what_is_about_us_and_what_about_one_address(said: str, stage: Stage, us: bool) -> None:
    (reply,) = Reader().read(said.encode() + b"\r\n")
    assert about_everyone(reply, stage) is us


# -- lines that break -------------------------------------------------------------------------


@pytest.mark.parametrize("pipelining", [0, 1])
@pytest.mark.parametrize("trouble", ["close", "hang"])
@pytest.mark.parametrize(
    ("point", "third", "arrived"),
    [
        ("mail", NOT_TRIED, 2),
        ("rcpt", NOT_TRIED, 2),
        ("data", NOT_TRIED, 2),
        ("body", UNCERTAIN, 2),  # the server did not take it; nobody can know
        ("end", UNCERTAIN, 3),  # it did
    ],
)
def test_a_line_that_breaks_leaves_at_most_one_in_doubt(
    point: str, third: Outcome, arrived: int, trouble: str, pipelining: int
) -> None:
    story = tell(letters(9), **{trouble: 3, f"{trouble}_at": point, "pipelining": pipelining})
    outcomes = story.notes.outcomes()
    assert outcomes[:3] == [ACCEPTED, ACCEPTED, third]
    ahead = pipelining and third is UNCERTAIN  # its envelope was on its way
    assert outcomes[3:] == ([NOT_TRIED] if ahead else [])
    assert len(story.server.messages) == arrived
    assert len(story.left_over) == 9 - len(outcomes)
    assert all(one.words for one in story.notes.answers.values())


def test_the_next_call_opens_a_broken_line_anew() -> None:
    story = tell(letters(9), close=3, close_at="rcpt", calls=5)
    assert story.notes.outcomes() == [ACCEPTED, ACCEPTED, NOT_TRIED] * 3


@pytest.mark.parametrize("pipelining", [0, 1])
def test_a_server_that_has_had_enough_ends_it_politely(pipelining: int) -> None:
    story = tell(letters(9), goodbye=3, pipelining=pipelining)
    assert story.notes.outcomes() == [ACCEPTED] * 3 + [NOT_TRIED]
    answer = story.notes.answers[4]
    assert (answer.code, answer.everyone) == (421, True)
    assert answer.words == "4.7.0 enough from you"
    again = tell(letters(9), goodbye=3, calls=3, pipelining=pipelining)
    assert again.notes.outcomes() == ([ACCEPTED] * 3 + [NOT_TRIED]) * 2 + [ACCEPTED]


def test_421_after_a_body_says_that_it_was_not_taken() -> None:
    story = tell(letters(4), refuse=2, refuse_at="end", refuse_code=421)
    assert story.notes.outcomes() == [ACCEPTED, DEFERRED, NOT_TRIED]
    assert story.notes.answers[2].everyone


def test_a_server_that_lies_about_pipelining_loses_nothing_and_gets_no_more_of_it() -> None:
    story = tell(letters(6), lie=1, calls=4, patience=quick())
    assert story.notes.outcomes() == [NOT_TRIED, NOT_TRIED] + [ACCEPTED] * 4
    assert story.notes.left == [3, 4, 5, 6]


def test_a_slow_server_is_waited_for() -> None:
    big = letters(3, lambda number: body_of(number, b"x" * 60_000 + b"\r\n"))
    assert tell(big, slow=300).notes.outcomes() == [ACCEPTED] * 3


@pytest.mark.parametrize(
    ("script", "outcomes"),
    [
        # (greeting and EHLO are answered; then what is said, piece by piece)
        ([b"nonsense\r\n"], [NOT_TRIED]),
        ([b"250 ok\r\n250 ok\r\n250 not 354\r\n"], [NOT_TRIED]),
        ([b"354 too early\r\n"], [NOT_TRIED]),
        ([b"250 a\r\n250 b\r\n354 c\r\n", b"354 d\r\n"], [UNCERTAIN, NOT_TRIED]),
        ([b"250 a\r\n250 b\r\n354 c\r\n", b"what?\r\n"], [UNCERTAIN, NOT_TRIED]),
        ([b"250 a\r\n250 b\r\n354 c\r\n", b"250 d\r\n" * 4], [ACCEPTED, NOT_TRIED]),
        ([b"2", b"50 a\r\n250-b\r\n25", b"0 b\r\n354 c\r\n", b"2", b"50 d\n"], None),
        ([b"250 " + b"x" * 100_000], [NOT_TRIED]),
    ],
)
def test_a_server_that_talks_nonsense_cannot_make_us_say_what_is_not_so(
    script: list[bytes], outcomes: list[Outcome] | None
) -> None:
    notes = Notes()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        await reader.readline()
        writer.write(b"250-me\r\n250 PIPELINING\r\n")
        try:
            for piece in script:
                await reader.read(1000) if not piece.startswith((b"5", b"0")) else None
                writer.write(piece)
                await asyncio.sleep(0.02)
            await reader.read(1000)
            await asyncio.sleep(0.05)
        finally:
            writer.close()

    async def run() -> None:
        async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            line = SmtpLine(Server("127.0.0.1", port, patience=quick()), SENDER)
            await line.carry(iter(letters(5)), notes)

    asyncio.run(run())
    if outcomes is not None:
        assert notes.outcomes() == outcomes
    else:
        assert notes.outcomes()[0] is ACCEPTED


# -- the driver -------------------------------------------------------------------------------


@pytest.mark.parametrize("pipelining", [0, 1])
def test_nothing_of_a_body_leaves_when_the_driver_forbids_it(pipelining: int) -> None:
    story = tell(letters(9), allowed=3, pipelining=pipelining)
    outcomes = story.notes.outcomes()
    assert outcomes[:4] == [ACCEPTED] * 3 + [NOT_TRIED]
    assert set(outcomes[3:]) == {NOT_TRIED}
    assert len(story.server.messages) == 3


def test_an_error_in_making_a_letter_comes_out_and_leaves_nothing_unanswered() -> None:
    def failing() -> Iterator[Outgoing]:
        yield from letters(3)
        raise LookupError("no such variant")

    notes = Notes()

    async def run() -> Sink:
        async with sink() as server:
            line = SmtpLine(Server("127.0.0.1", server.port), SENDER)
            with pytest.raises(LookupError):
                await line.carry(failing(), notes)
            return server

    server = asyncio.run(run())
    # The third was about to leave when the fourth could not be made.
    assert notes.outcomes() == [ACCEPTED, ACCEPTED, NOT_TRIED]
    assert server.accepted["reader3@home.example"] == 0


def test_whoever_is_stopped_in_the_middle_knows_which_letter_is_in_doubt() -> None:
    notes = Notes()

    async def run() -> None:
        async with sink(hang=3, hang_at="end") as server:
            line = SmtpLine(Server("127.0.0.1", server.port), SENDER)
            task = asyncio.create_task(line.carry(iter(letters(9)), notes))
            while len(notes.left) < 3:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
    assert notes.outcomes() == [ACCEPTED, ACCEPTED, UNCERTAIN, NOT_TRIED]


# -- addresses --------------------------------------------------------------------------------


def test_addresses_beyond_ascii_travel_where_the_server_takes_them() -> None:
    given = [
        Outgoing(1, "jörg@bücher.example", b"A: b\r\n\r\n"),
        Outgoing(2, "ada@bücher.example", b"A: b\r\n\r\n"),
        Outgoing(3, "reader3@home.example", b"A: b\r\n\r\n\xc3\xa4\r\n"),
    ]
    story = tell(given)
    mails = [one for one in story.server.heard if one.startswith("MAIL")]
    assert [recipients for _, recipients, _ in story.server.messages] == [
        ["jörg@xn--bcher-kva.example"], ["ada@xn--bcher-kva.example"], ["reader3@home.example"]
    ]  # fmt: skip
    assert [one.partition("> ")[2] for one in mails] == [
        "SIZE=8 SMTPUTF8 BODY=8BITMIME", "SIZE=8", "SIZE=12 BODY=8BITMIME"
    ]  # fmt: skip


def test_a_server_without_smtputf8_is_not_asked_and_the_reader_is_named() -> None:
    notes, server = Notes(), None

    async def run() -> None:
        nonlocal server
        async with sink(keep=True, extensions=()) as server:
            line = SmtpLine(Server("127.0.0.1", server.port), SENDER)
            given = [Outgoing(1, "jörg@home.example", b""), Outgoing(2, "x\r\nRSET@y.example", b"")]
            given += [Outgoing(3, "ada@home.example", b"\xff\r\n"), *letters(5)[3:]]
            await line.carry(iter(given), notes)

    asyncio.run(run())
    assert notes.outcomes() == [REFUSED] * 3 + [ACCEPTED] * 2
    assert "SMTPUTF8" in notes.answers[1].words


@pytest.mark.parametrize(
    "address",
    ["", "ada", "@x.example", "a b@x.example", "a>b@x.example", "a\r\n@x.example",
     "a@x\r\n.example", "a@x.example\n", "a@" + "x" * 300 + ".example", "a@b@c.example",
     "a\x00@x.example", "a@x y", "<a@x.example>", "a,b@x.example", "a@\u2028x.example"],
)  # fmt: skip
def test_what_is_no_address_never_reaches_a_server(address: str) -> None:
    with pytest.raises(BadAddress):
        on_the_wire(address)


@pytest.mark.parametrize(
    ("address", "wire"),
    [
        ("ada+tag@home.example", "ada+tag@home.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ('"a b"@home.example', '"a b"@home.example'),
        ("用户@例子.example", "用户@xn--fsqu00a.example"),
        ("ada@[192.0.2.1]", "ada@[192.0.2.1]"),
    ],
)
def test_addresses_as_they_stand_in_an_envelope(address: str, wire: str) -> None:
    assert on_the_wire(address) == wire


# -- opening ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS of a server on this machine, and of a client that trusts it."""
    folder: Path = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now.replace(now.year + 1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem, secret)
    return server, ssl.create_default_context(cafile=str(pem))


@pytest.mark.parametrize("how", ["secure", "start_tls"])
@pytest.mark.parametrize("methods", ["PLAIN", "LOGIN", "CRAM-MD5 LOGIN PLAIN"])
def test_signing_in_over_tls(
    how: str, methods: str, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    server, client = contexts
    line = {
        "host": "localhost", "user": "ada", "password": "pässword", "context": client, how: True
    }  # fmt: skip
    story = tell(
        letters(5), line=line, tls=server, implicit=how == "secure", login=("ada", "pässword"),
        methods=methods,
    )  # fmt: skip
    assert story.notes.outcomes() == [ACCEPTED] * 5
    assert sum(one.startswith("EHLO") for one in story.server.heard) == 1 + (how == "start_tls")


@pytest.mark.parametrize(
    ("line", "server", "says", "for_good"),
    [
        (
            {"user": "ada", "password": "wrong"},
            {"login": ("ada", "right")},
            "does not let us",
            True,
        ),
        ({"user": "ada"}, {}, "no way of signing in", True),
        ({"start_tls": True}, {}, "offers no STARTTLS", True),
        ({}, {"close": 1, "close_at": "hello"}, "closed the connection", False),
        ({}, {"hang": 1, "hang_at": "hello"}, "said nothing", False),
        ({"port": 1}, {}, "No connection to", False),
    ],
)
def test_where_the_server_cannot_be_used_a_sentence_says_why_and_no_letter_is_taken(
    line: dict[str, Any], server: dict[str, Any], says: str, for_good: bool
) -> None:
    given = iter(letters(3))

    async def run() -> None:
        async with sink(**server) as served:
            options = {"host": "127.0.0.1", "port": served.port, "patience": quick(), **line}
            made = SmtpLine(Server(**options), SENDER)
            await made.carry(given, Notes())

    with pytest.raises(Unreachable, match=says) as caught:
        asyncio.run(run())
    assert caught.value.for_good is for_good
    assert len(list(given)) == 3


@pytest.mark.parametrize("how", ["secure", "start_tls"])
def test_a_certificate_that_nobody_vouches_for_is_not_believed(
    how: str, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    with pytest.raises(Unreachable, match="No safe connection") as caught:
        tell(letters(1), line={"host": "localhost", how: True}, tls=contexts[0],
             implicit=how == "secure")  # fmt: skip
    assert caught.value.for_good


def test_a_password_is_not_shown() -> None:
    assert "geheim" not in repr(Server("mail.example", 25, user="ada", password="geheim"))


def test_replies_are_read_however_they_are_cut() -> None:
    said = b"250-one\r\n250-two\r\n250 three\r\n354 go\r\n250\r\n"
    whole = list(Reader().read(said))
    assert whole == [Reply(250, "one\ntwo\nthree"), Reply(354, "go"), Reply(250, "")]
    reader = Reader()
    assert [one for byte in said for one in reader.read(bytes([byte]))] == whole


def test_a_server_may_take_its_time_over_each_letter() -> None:
    """The wait for the next envelope's answer begins when the letter before it was answered."""
    patience = Patience(command=0.2, data=0.2, end=5)
    go = b"250 a\r\n250 b\r\n354 c\r\n"
    answers = iter([go, b"250 d\r\n" + go, b"250 e\r\n"])
    notes = Notes()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        await reader.readline()
        writer.write(b"250-me\r\n250 PIPELINING\r\n")
        for number, answer in enumerate(answers):
            await reader.read(1000)
            await asyncio.sleep(0.4 if number else 0)
            writer.write(answer)
        await reader.read(1000)
        writer.close()

    async def run() -> None:
        async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            line = SmtpLine(Server("127.0.0.1", port, patience=patience), SENDER)
            await line.carry(iter(letters(2)), notes)
            await line.close()

    asyncio.run(run())
    assert notes.outcomes() == [ACCEPTED] * 2


class Together(Notes):
    """For several lines: each may have a body under way. Stops the server after so many."""

    def __init__(self, server: Running, after: int) -> None:
        super().__init__()
        self.server, self.after = server, after

    def body_leaves(self, number: int) -> bool:
        self.left.append(number)
        if len(self.left) == self.after:
            self.server.kill()
        return True


@pytest.mark.parametrize("after", [1, 2, 37, 150])
def test_kill_9_of_the_server_leaves_one_in_doubt_a_line_and_the_rest_is_as_it_was_said(
    after: int, tmp_path: Path
) -> None:
    record, lines = tmp_path / "record", 4
    given = letters(200, lambda number: body_of(number, b"x" * 900 + b"\r\n"))
    rest = iter(given)
    with running(record) as server:
        notes = Together(server, after)

        async def run() -> None:
            made = [SmtpLine(Server("127.0.0.1", server.port), SENDER) for _ in range(lines)]
            tasks = (line.carry(rest, notes) for line in made)
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run(run())
    got = read_record(record)
    said = {
        outcome: {
            f"reader{number}@home.example"
            for number, answer in notes.answers.items()
            if answer.outcome is outcome
        }
        for outcome in Outcome
    }
    assert set(got.values()) <= {1}
    assert said[ACCEPTED] <= set(got)
    assert set(got) <= said[ACCEPTED] | said[UNCERTAIN]
    assert 1 <= len(said[UNCERTAIN]) <= lines
    assert not said[REFUSED]
    assert len(notes.answers) + len(list(rest)) == len(given)


@pytest.mark.parametrize("seed", range(6))
def test_in_a_storm_of_troubles_everybody_gets_one_or_is_named(seed: int) -> None:
    """Troubles of every kind come and go; what was not taken is given again, as a ledger would."""
    chance = random.Random(seed)
    waiting = deque(letters(150))
    final: dict[int, Outcome] = {}
    patience = Patience(command=0.1, data=0.1, end=0.2)

    class Ledger:
        def body_leaves(self, number: int) -> bool:
            return chance.random() > 0.01

        def answered(self, answer: Answer) -> None:
            assert answer.number not in final
            if answer.outcome in (DEFERRED, NOT_TRIED):
                waiting.append(letters(150)[answer.number - 1])
            else:
                final[answer.number] = answer.outcome

    def given() -> Iterator[Outgoing]:
        while waiting:
            yield waiting.popleft()

    async def carry(line: SmtpLine) -> None:
        while waiting:
            try:
                await line.carry(given(), Ledger())
            except Unreachable:
                await asyncio.sleep(0.01)

    async def weather(server: Sink) -> None:
        while True:
            trouble = chance.choice(["refuse", "close", "hang"])
            points = ["mail", "rcpt", "data", "end"] if trouble == "refuse" else AT[1:]
            point = chance.choice(points)
            calm = {"refuse": 0, "close": 0, "hang": 0}
            more = {"strict": chance.randint(0, 1), "refuse_code": chance.choice([421, 450, 554])}
            server.board.set(**{**calm, trouble: 4, f"{trouble}_at": point, **more})
            await asyncio.sleep(0.03)

    async def run() -> Counter[str]:
        async with sink() as server:
            storm = asyncio.create_task(weather(server))
            options = Server("127.0.0.1", server.port, patience=patience)
            await asyncio.gather(*(carry(SmtpLine(options, SENDER)) for _ in range(4)))
            storm.cancel()
            return server.accepted

    accepted = asyncio.run(run())
    assert set(final) == set(range(1, 151))
    for number, outcome in final.items():
        got = accepted[f"reader{number}@home.example"]
        wanted = {ACCEPTED: (1,), REFUSED: (0,), UNCERTAIN: (0, 1)}[outcome]
        assert got in wanted, (number, outcome)
    assert ACCEPTED in final.values()
