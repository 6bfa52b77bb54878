"""One connection to an SMTP server: opening it, signing in, and ending it. What happens to the
letters on it is `delivery.carrying`. It imports no framework."""

import asyncio
import re
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace

from standfirst.newsletters.delivery.addresses import BadAddress, on_the_wire
from standfirst.newsletters.delivery.carrying import Carrying
from standfirst.newsletters.delivery.replies import NoReply, Reader, Reply
from standfirst.newsletters.delivery.road import Driver, Outgoing, Unreachable


@dataclass(frozen=True)
class Patience:
    """Seconds to wait for each thing: those of RFC 5321 §4.5.3.2. `end` counts from a body's first
    byte, so that it covers a server that stops reading too."""

    connect: float = 30
    greeting: float = 300
    command: float = 300
    data: float = 120
    end: float = 600

    def times(self, factor: float) -> "Patience":
        """The same, scaled."""
        scaled = {one.name: getattr(self, one.name) * factor for one in fields(self)}
        return replace(self, **scaled)


@dataclass(frozen=True)
class Server:
    """Where mail is handed over. `hello` is our name for EHLO (empty: our address); `secure`: TLS
    from the first byte; `start_tls`: TLS is demanded before anything else is said."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    secure: bool = False
    start_tls: bool = False
    hello: str = ""
    pipelining: bool = True  # False: never, whatever the server offers
    patience: Patience = Patience()
    context: ssl.SSLContext | None = None  # default: the system's authorities

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class SmtpLine:
    """A road.Line over SMTP. `sender` is the address that bounces go to.

    Raises BadAddress for a sender that cannot stand in MAIL FROM."""

    def __init__(self, server: Server, sender: str) -> None:
        self._server, self._sender = server, on_the_wire(sender)
        self._connection: Connection | None = None
        self._losses = 0  # of what was sent ahead, one after the other

    async def carry(self, letters: Iterator[Outgoing], driver: Driver) -> None:
        """See road.Line."""
        if self._connection is None or self._connection.gone:
            self._connection = await self._open()
        connection = self._connection
        carrying = Carrying(
            connection,
            letters,
            driver,
            sender=self._sender,
            patience=self._server.patience,
            extensions=connection.extensions,
            pipelining=self._pipelines(connection),
        )
        try:
            await carrying.run()
        finally:
            if carrying.broken:
                self._connection = None
                self._losses += carrying.lost_what_was_ahead
            elif carrying.carried > 1 and self._pipelines(connection):
                self._losses = 0

    async def close(self) -> None:
        """See road.Line."""
        connection, self._connection = self._connection, None
        if connection is None or connection.gone:
            return
        try:
            await connection.ask(b"QUIT\r\n", min(self._server.patience.command, 5))
        except (Unreachable, NoReply):
            pass  # politeness only
        finally:
            connection.abort()

    def _pipelines(self, connection: "Connection") -> bool:
        """A server that offers PIPELINING and loses twice what it was sent ahead gets no more of
        it from this line."""
        offered = "PIPELINING" in connection.extensions
        return offered and self._server.pipelining and self._losses < 2

    # -- opening ------------------------------------------------------------------------------

    async def _open(self) -> "Connection":
        server, loop = self._server, asyncio.get_running_loop()
        context = None
        if server.secure or server.start_tls:
            context = server.context or ssl.create_default_context()
        try:
            async with asyncio.timeout(server.patience.connect):
                _, connection = await loop.create_connection(
                    Connection, server.host, server.port, ssl=context if server.secure else None
                )
        except ssl.SSLError as error:
            raise _untrusted(server, error) from error
        except (OSError, TimeoutError) as error:
            raise Unreachable(
                f"No connection to {server} ({error or 'it does not answer'}). Is EMAIL_URL right,"
                " and does the server run?"
            ) from error
        try:
            await self._be_let_in(connection, context)
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _be_let_in(self, connection: "Connection", context: ssl.SSLContext | None) -> None:
        server = self._server
        greeting = await connection.listen(server.patience.greeting)
        if greeting.code != 220:
            raise _turned_away(server, "It does not take us", greeting)
        await self._greet(connection)
        if context and not server.secure:
            await self._start_tls(connection, context)
            await self._greet(connection)
        if server.user:
            await self._sign_in(connection)

    async def _greet(self, connection: "Connection") -> None:
        name = self._server.hello or connection.own_address()
        wait = self._server.patience.command
        reply = await connection.ask(f"EHLO {name}\r\n".encode(), wait)
        if reply.code == 250:
            connection.extensions = _extensions(reply)
            return
        if reply.code != 421 and reply.code >= 500:
            reply = await connection.ask(f"HELO {name}\r\n".encode(), wait)
        if reply.code != 250:
            raise _turned_away(self._server, "It does not take our greeting", reply)
        connection.extensions = {}

    async def _start_tls(self, connection: "Connection", context: ssl.SSLContext) -> None:
        server = self._server
        if "STARTTLS" not in connection.extensions:
            raise Unreachable(
                f"{server} offers no STARTTLS. Write smtps:// in EMAIL_URL where it speaks TLS from"
                " the start, or ?tls=0 where the way to it is safe.",
                for_good=True,
            )
        reply = await connection.ask(b"STARTTLS\r\n", server.patience.command)
        if reply.code != 220:
            raise _turned_away(server, "It begins no TLS", reply)
        try:
            await connection.begin_tls(context, server.host, server.patience.connect)
        except ssl.SSLError as error:
            raise _untrusted(server, error) from error
        except (OSError, TimeoutError) as error:
            raise Unreachable(f"{server} broke off while TLS began ({error}).") from error

    async def _sign_in(self, connection: "Connection") -> None:
        server, wait = self._server, self._server.patience.command
        methods = connection.extensions.get("AUTH", "").upper().split()
        user, password = server.user.encode(), server.password.encode()
        if "PLAIN" in methods:
            token = b64encode(b"\0" + user + b"\0" + password)
            reply = await connection.ask(b"AUTH PLAIN " + token + b"\r\n", wait)
        elif "LOGIN" in methods:
            reply = await connection.ask(b"AUTH LOGIN\r\n", wait)
            for part in (user, password):
                if reply.code == 334:
                    reply = await connection.ask(b64encode(part) + b"\r\n", wait)
        else:
            raise Unreachable(
                f"{server} offers no way of signing in that we know (PLAIN, LOGIN). Many offer it"
                " only after TLS; without user and password in EMAIL_URL none is tried.",
                for_good=True,
            )
        if reply.code != 235:
            wrong = reply.code >= 500
            raise Unreachable(
                f"{server} does not let us in: {reply.code} {reply.words} Look at user and password"
                " in EMAIL_URL.",
                for_good=wrong,
            )


def _extensions(reply: Reply) -> dict[str, str]:
    """What EHLO's reply offers, keyed by the name in capitals."""
    lines = [re.split(r"[ =]", line, maxsplit=1) for line in reply.text.split("\n")[1:]]
    return {line[0].upper(): line[1] if len(line) > 1 else "" for line in lines}


def _turned_away(server: Server, what: str, reply: Reply) -> Unreachable:
    text = f"{server} answers, but will not talk. {what}: {reply.code} {reply.words}"
    return Unreachable(text, for_good=reply.code >= 500)


def _untrusted(server: Server, error: ssl.SSLError) -> Unreachable:
    why = getattr(error, "verify_message", "") or error.reason or str(error)
    return Unreachable(
        f"No safe connection to {server}: {why}. Is the name in EMAIL_URL the one in its"
        " certificate, and is the port right?",
        for_good=isinstance(error, ssl.SSLCertVerificationError),
    )


class Connection(asyncio.Protocol):
    """Bytes there, replies back. `hear` and `lost` are whoever listens at the time."""

    def __init__(self) -> None:
        self.extensions: dict[str, str] = {}
        self.gone = False
        self.hear: Callable[[Reply], None] = self._nobody_asked
        self.lost: Callable[[str], None] = lambda words: None
        self._reader = Reader()
        self._unheard: list[Reply] = []
        self._asked: asyncio.Future[Reply] | None = None
        self._transport: asyncio.Transport

    # -- what the loop calls ------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's is no subclass
        self.idle()

    def data_received(self, data: bytes) -> None:
        try:
            for reply in self._reader.read(data):
                if self.gone:
                    break
                if not reply.code:
                    raise NoReply(f"The server said what is no reply: {reply.text[:80]!r}.")
                self.hear(reply)
        except NoReply as error:
            self.break_off(str(error))

    def eof_received(self) -> None:
        self.break_off("The server closed the connection.")

    def connection_lost(self, exc: Exception | None) -> None:
        self.break_off(f"The connection broke: {exc}." if exc else "The connection was closed.")

    # -- what others call ---------------------------------------------------------------------

    def write(self, *parts: bytes) -> None:
        self._transport.writelines(parts)  # uvloop gives them to the kernel in one call, uncopied

    def break_off(self, words: str) -> None:
        """End it at once, and tell whoever listens."""
        if not self.gone:
            self.abort()
            self.lost(words)

    def abort(self) -> None:
        self.gone = True
        self._transport.abort()

    def idle(self) -> None:
        """Nobody is carrying: listen again for replies one by one."""
        self.hear, self.lost = self._nobody_asked, self._nobody_waits

    async def ask(self, said: bytes, seconds: float) -> Reply:
        """Say something and hear the reply. Raises Unreachable."""
        self._unheard.clear()
        if not self.gone:
            self.write(said)
        return await self.listen(seconds)

    async def listen(self, seconds: float) -> Reply:
        """The next reply. Raises Unreachable where none comes in time."""
        if self._unheard:
            return self._unheard.pop(0)
        if self.gone:
            raise Unreachable("The server closed the connection.")
        self._asked = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                return await self._asked
        except TimeoutError as error:
            raise Unreachable(f"The server said nothing for {seconds:g} seconds.") from error
        finally:
            self._asked = None

    async def begin_tls(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """Raises ssl.SSLError, OSError, TimeoutError."""
        if self._reader.rest or self._unheard:  # sent in the clear, to be believed as safe
            raise ssl.SSLError(1, "the server said more before TLS than it should")
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds):
            made = await loop.start_tls(self._transport, self, context, server_hostname=host)
        if made is None:
            raise ConnectionResetError("the connection was closed")
        self._transport = made

    def own_address(self) -> str:
        """Our address as RFC 5321 §4.1.3 writes it."""
        address = self._transport.get_extra_info("sockname")[0].partition("%")[0]
        return f"[IPv6:{address}]" if ":" in address else f"[{address}]"

    def _nobody_asked(self, reply: Reply) -> None:
        if self._asked and not self._asked.done():
            self._asked.set_result(reply)
        elif len(self._unheard) > 100:
            self.break_off("The server says more than it was asked.")
        else:
            self._unheard.append(reply)  # the greeting may come before we listen; or 421, idle
            if reply.code == 421:
                self.break_off(reply.words)

    def _nobody_waits(self, words: str) -> None:
        if self._asked and not self._asked.done():
            self._asked.set_exception(Unreachable(words))


__all__ = ["BadAddress", "Patience", "Server", "SmtpLine"]
