"""Letters over one open connection, exactly: which were taken, which were not, and which one is in
doubt. Decision 0026 says why it is made so. It imports no framework.

With PIPELINING (RFC 2920) the next letter's envelope travels in the same write as this letter's
body, so that a letter costs one round trip instead of four. A body never leaves before the body
before it is answered: so at most one is ever in doubt.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from standfirst.newsletters.delivery.addresses import BadAddress, on_the_wire
from standfirst.newsletters.delivery.replies import NoReply, Reply, Stage, about_everyone
from standfirst.newsletters.delivery.road import Answer, Driver, Outcome, Outgoing

if TYPE_CHECKING:
    from standfirst.newsletters.delivery.smtp import Connection, Patience

DATA, RESET, EMPTY = b"DATA\r\n", b"RSET\r\n", b".\r\n"
STOPPED = "The sending was stopped."
FORBIDDEN = "It was not to leave any more."


class Carrying:
    """One call of SmtpLine.carry. `broken`: the connection is gone, or nobody knows where it
    stands, so that it must not be used again."""

    def __init__(
        self,
        connection: "Connection",
        letters: Iterator[Outgoing],
        driver: Driver,
        *,
        sender: str,
        patience: "Patience",
        extensions: Mapping[str, str],
        pipelining: bool,
    ) -> None:
        self._connection, self._letters, self._driver = connection, letters, driver
        self._mail = f"MAIL FROM:<{sender}>".encode()
        self._sender_is_ascii = sender.isascii()
        self._patience, self._extensions = patience, extensions
        self._sizes = "SIZE" in extensions
        self._pipelining = pipelining
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._expected: deque[Callable[[Reply], None]] = deque()  # whom each coming reply is for
        self._envelope_heard = (self._after_mail, self._after_rcpt, self._after_data)
        self._next: Outgoing | None = None  # its envelope is being said
        self._steps: list[bytes] = []  # of that envelope, where they go one by one
        self._no: tuple[Reply, Stage] | None = None  # the first refusal of that envelope
        self._ready: Outgoing | None = None  # its body is about to leave
        self._leaving: Outgoing | None = None  # its body left, its answer has not come
        self._since = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self.carried = 0  # bodies that were answered
        self.broken = False
        self.lost_what_was_ahead = False

    async def run(self) -> None:
        """Returns when each letter that was taken has its answer. Raises what the driver or its
        letters raised."""
        self._connection.hear, self._connection.lost = self._hear, self._lost
        self._watch()
        try:
            self._say_next()
            self._finish_if_all_is_said()
            await asyncio.shield(self._done)  # whoever cancels us must not cancel the answers
        except BaseException:
            self._break(STOPPED)
            raise
        finally:
            if self._timer:
                self._timer.cancel()
            self._connection.idle()

    # -- what is said -------------------------------------------------------------------------

    def _say_next(self, *before: bytes) -> None:
        """Write what is due, and in the same write the envelope of the next letter, if any."""
        said = b"".join(before) + self._take()
        if said:
            self._write(said)

    def _take(self) -> bytes:
        """Take the next letter; what to say of its envelope. Letters that cannot travel to this
        server are answered here, without a word to it."""
        for letter in self._letters:
            try:
                mail, rcpt = self._envelope(letter)
            except BadAddress as error:
                self._driver.answered(Answer(letter.number, Outcome.REFUSED, 0, str(error)))
                continue
            self._next, self._no = letter, None
            if self._pipelining:
                self._expected += self._envelope_heard
                return mail + rcpt + DATA
            self._expected.append(self._after_mail)
            self._steps = [DATA, rcpt]
            return mail
        return b""

    def _envelope(self, letter: Outgoing) -> tuple[bytes, bytes]:
        recipient, body = on_the_wire(letter.recipient), letter.body
        mail = self._mail
        if self._sizes:
            mail += b" SIZE=%d" % len(body)
        # Eight bits in a header are allowed by SMTPUTF8 alone.
        head = body[: body.find(b"\r\n\r\n")]
        if not (self._sender_is_ascii and recipient.isascii() and head.isascii()):
            if "SMTPUTF8" not in self._extensions:
                raise BadAddress("The server takes no address beyond ASCII (SMTPUTF8).")
            mail += b" SMTPUTF8 BODY=8BITMIME"
        elif not letter.dotless and not body.isascii():
            if "8BITMIME" not in self._extensions:
                raise BadAddress("The server takes no letter of eight bits (8BITMIME).")
            mail += b" BODY=8BITMIME"
        return mail + b"\r\n", b"RCPT TO:<%b>\r\n" % recipient.encode()

    def _send_body(self) -> None:
        letter, self._next = _given(self._next), None
        self._ready = letter
        self._expected.append(self._after_end)
        # The letter after it is taken first: one write holds both, and where making it fails,
        # nothing has left.
        following = self._take() if self._pipelining else b""
        if not self._driver.body_leaves(letter.number):
            self._break(FORBIDDEN)
            return
        self._leaving, self._ready = letter, None
        body = letter.body if letter.dotless else stuffed(letter.body)
        end = EMPTY if body.endswith(b"\r\n") else b"\r\n" + EMPTY
        self._write(body, end + following)

    def _write(self, *parts: bytes) -> None:
        self._since = self._loop.time()
        self._connection.write(*parts)

    # -- what is heard ------------------------------------------------------------------------

    def _hear(self, reply: Reply) -> None:
        try:
            if reply.code == 421:
                self._farewell(reply)
                return
            if not self._expected:
                raise NoReply("The server said more than it was asked.")
            self._expected.popleft()(reply)
            if not self._expected:
                self._finish_if_all_is_said()
        except NoReply as error:
            self._break(str(error))
        except Exception as error:  # of the driver, or of the letters
            self._break(STOPPED, error)

    def _after_mail(self, reply: Reply) -> None:
        if reply.code >= 300:
            self._note(reply, Stage.MAIL)
        if not self._pipelining:
            self._step(self._after_rcpt)

    def _after_rcpt(self, reply: Reply) -> None:
        if reply.code >= 300:
            self._note(reply, Stage.RCPT)
        if not self._pipelining:
            self._step(self._after_data)

    def _after_data(self, reply: Reply) -> None:
        if reply.code == 354 and not self._no:
            self._send_body()
        elif reply.code == 354:  # it wants a message for nobody: none is what it gets
            self._expected.append(self._after_empty)
            self._refused(EMPTY, RESET)
        else:
            self._note(reply, Stage.DATA)
            self._refused(RESET)

    def _after_end(self, reply: Reply) -> None:
        if 300 <= reply.code < 400:
            raise NoReply(f"The server answered a letter with {reply.code} {reply.words}")
        letter, self._leaving = _given(self._leaving), None
        self.carried += 1
        self._since = self._loop.time()
        self._driver.answered(_answer(letter, reply, Stage.END))
        if not self._pipelining:
            self._say_next()

    def _after_empty(self, reply: Reply) -> None:
        """Whatever it says to that, nobody was named to get it."""

    def _after_reset(self, reply: Reply) -> None:
        if reply.code >= 300:
            raise NoReply(f"The server answered RSET with {reply.code} {reply.words}")
        if not self._pipelining:
            self._say_next()

    def _note(self, reply: Reply, stage: Stage) -> None:
        """Keep the first refusal: what is said to the commands after it follows from it."""
        if reply.code >= 400:
            self._no = self._no or (reply, stage)
        else:
            raise NoReply(f"The server answered {stage} with {reply.code} {reply.words}")

    def _step(self, then: Callable[[Reply], None]) -> None:
        """Without pipelining: the next command of the envelope, or its end."""
        if self._no:
            self._refused(RESET)
        else:
            self._expected.append(then)
            self._write(self._steps.pop())

    def _refused(self, *said: bytes) -> None:
        """Answer for the letter whose envelope was refused; clear the server's table; go on."""
        letter, self._next = _given(self._next), None
        self._expected.append(self._after_reset)
        self._driver.answered(_answer(letter, *_given(self._no)))
        if self._pipelining:
            self._say_next(*said)
        else:
            self._write(*said)

    # -- ends ---------------------------------------------------------------------------------

    def _finish_if_all_is_said(self) -> None:
        if not (self._expected or self._next or self._leaving or self._done.done()):
            self._done.set_result(None)

    def _farewell(self, reply: Reply) -> None:
        """421 may answer anything, and ends the connection. A body it answers was not taken."""
        if self._leaving:
            letter, self._leaving = self._leaving, None
            self._driver.answered(_answer(letter, reply, Stage.END))
        self._break(reply.words, code=reply.code)

    def _lost(self, words: str) -> None:
        self.lost_what_was_ahead = self._pipelining and bool(self._next and not self._leaving)
        self._break(words)

    def _watch(self) -> None:
        """Has the server been silent for too long? Asked now and then: a timer a reply is dear."""
        patience = self._patience
        waited = self._loop.time() - self._since
        if self._leaving:
            most = patience.end
        else:
            waits_for_data = self._expected and self._expected[0] == self._after_data
            most = patience.data if waits_for_data else patience.command
        if waited >= most:
            self._lost(f"The server said nothing for {most:g} seconds.")
        else:
            self._timer = self._loop.call_later(min(5.0, most / 8), self._watch)

    def _break(self, words: str, error: Exception | None = None, *, code: int = 0) -> None:
        """Close the connection, and answer for all that was taken: the body that left is in doubt,
        of the others no byte left. `code` is that of the farewell that ended it."""
        if self.broken or self._done.done():
            return
        self.broken = True
        self._connection.abort()
        left, self._leaving = self._leaving, None
        others = [letter for letter in (self._ready, self._next) if letter]
        self._ready = self._next = None
        self._expected.clear()
        try:
            if left:
                self._driver.answered(Answer(left.number, Outcome.UNCERTAIN, 0, words[:400]))
            for letter in others:
                self._driver.answered(
                    Answer(letter.number, Outcome.NOT_TRIED, code, words[:400], bool(code))
                )
        except Exception as wrong:
            error = error or wrong
        if error:
            self._done.set_exception(error)
        else:
            self._done.set_result(None)


Thing = TypeVar("Thing")


def _given(thing: Thing | None) -> Thing:
    """What must be there, unless replies came that nobody asked for."""
    if thing is None:
        raise NoReply("The server answered what it was not asked.")
    return thing


def stuffed(body: bytes) -> bytes:
    """The body with a dot before each line that begins with one (RFC 5321 §4.5.2)."""
    more = body.replace(b"\r\n.", b"\r\n..")
    return b"." + more if more.startswith(b".") else more


def _answer(letter: Outgoing, reply: Reply, stage: Stage) -> Answer:
    if reply.code < 300:
        return Answer(letter.number, Outcome.ACCEPTED, reply.code, reply.words)
    everyone = about_everyone(reply, stage)
    for_good = reply.code >= 500 and not everyone
    outcome = Outcome.REFUSED if for_good else Outcome.DEFERRED
    return Answer(letter.number, outcome, reply.code, reply.words, everyone)
