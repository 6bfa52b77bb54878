"""A fast SMTP server that keeps no mail, counts who was sent what, and misbehaves when asked.

    python -m bench.mail.sink --port 0 --record FILE [--workers 2] [--refuse 10 ...]

prints its port. Each accepted recipient is a line of the record, written before the 250 is: so it
outlives kill -9 of the sink, and a proof by counting (`read_record`) leans on nobody's ledger.

Troubles come by options or, while it runs, by `tell(port, refuse=10, refuse_code=451)` from any
process (a command `XSINK name=value ...` on the same port, for all workers; 0 ends a trouble). In a
test: `async with sink(keep=True) as server`. What happens one in N happens to each Nth of a worker.

refuse, close, hang   one in N; each with _at: hello, mail, rcpt, data, body (its first bytes have
                      come; not taken), end (refused; or taken and recorded, and never answered)
refuse_code           451 by default; 4xx or 5xx
delay                 answers come so many milliseconds later
slow                  reads so many KB a second of a connection
goodbye               421 to the next MAIL after so many messages of a connection
pipelining            0: is not offered
lie                   1: PIPELINING is offered, and what comes ahead of an answer is thrown away
strict                1: DATA without a recipient is refused, as by Postfix; else it gets 354
size                  the largest message, in bytes
"""

import argparse
import asyncio
import base64
import ctypes
import json
import mmap
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast

import uvloop

AT = ("hello", "mail", "rcpt", "data", "body", "end")
TROUBLES = (
    "refuse", "refuse_at", "refuse_code", "close", "close_at", "hang", "hang_at", "delay", "slow",
    "goodbye", "pipelining", "lie", "strict", "size",
)  # fmt: skip
USUAL = {
    "refuse_at": AT.index("rcpt"), "refuse_code": 451, "close_at": AT.index("body"),
    "hang_at": AT.index("end"), "pipelining": 1, "size": 50_000_000,
}  # fmt: skip
COUNTED = ("accepted", "refused", "connections")
REFUSE, REFUSE_AT, REFUSE_CODE, CLOSE, CLOSE_AT, HANG, HANG_AT, DELAY, SLOW = range(9)
GOODBYE, PIPELINING, LIE, STRICT, SIZE = range(9, 14)
FIRST_COUNT, MOST_WORKERS = 32, 64
WORDS = {
    421: "4.3.2 closing", 450: "4.2.1 mailbox busy", 451: "4.2.0 not now",
    452: "4.3.1 no room here", 550: "5.1.1 no such user", 554: "5.6.0 not this letter",
}  # fmt: skip
ROOM = 1 << 18

# Four times as quick as bytearray.find in 60 KB; PyDLL, since letting the GIL go costs more.
_memmem = ctypes.PyDLL(None).memmem
_memmem.restype = ctypes.c_void_p
_memmem.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]


class Board:
    """Troubles and counts that all workers share: memory that stays common through fork."""

    def __init__(self, **troubles: int | str) -> None:
        self.cells = memoryview(mmap.mmap(-1, 8 * 512)).cast("q")
        self.set(**{**USUAL, **troubles})

    def set(self, **troubles: int | str) -> None:
        """Raises ValueError for a trouble that there is not."""
        for name, value in troubles.items():
            cell = TROUBLES.index(name)
            self.cells[cell] = AT.index(value) if isinstance(value, str) else value

    def counts(self) -> dict[str, int]:
        return {
            name: sum(
                self.cells[FIRST_COUNT + worker * len(COUNTED) + number]
                for worker in range(MOST_WORKERS)
            )
            for number, name in enumerate(COUNTED)
        }


class Sink:
    """What the connections of one worker share. `accepted` counts recipients of this worker;
    `answers` says what the RCPT of an address gets; `messages`, with `keep`, are (sender,
    recipients, bytes with dots unstuffed)."""

    def __init__(
        self,
        board: Board,
        worker: int = 0,
        *,
        record: Path | None = None,
        keep: bool = False,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        login: tuple[str, str] | None = None,
        extensions: tuple[str, ...] = ("8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"),
        methods: str = "PLAIN LOGIN",
    ) -> None:
        self.board, self.cells = board, board.cells
        self.first = FIRST_COUNT + worker * len(COUNTED)
        self.record = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if record else None
        self.keep, self.tls, self.implicit, self.login = keep, tls, implicit, login
        self.extensions, self.methods = extensions, methods
        self.accepted: Counter[str] = Counter()
        self.answers: dict[str, bytes] = {}
        self.messages: list[tuple[str, list[str], bytes]] = []
        self.heard: list[str] = []  # with `keep`: all commands
        self.turns = [0] * len(TROUBLES)
        self.port = 0

    def happens(self, trouble: int, point: str) -> bool:
        """Is it the turn of this trouble (REFUSE, CLOSE, HANG), at this point?"""
        often = self.cells[trouble]
        if not often or AT[self.cells[trouble + 1]] != point:
            return False
        self.turns[trouble] += 1
        return self.turns[trouble] % often == 0

    def take(self, sender: str, recipients: list[str], body: bytes) -> None:
        if self.record is not None:
            os.write(self.record, "".join(f"{one}\n" for one in recipients).encode())
        else:
            self.accepted.update(recipients)
        self.cells[self.first] += len(recipients)
        if self.keep:
            self.messages.append((sender, recipients, body.replace(b"\r\n..", b"\r\n.")))


class Session(asyncio.BufferedProtocol):
    """One connection."""

    def __init__(self, sink: Sink) -> None:
        self.sink, self.cells = sink, sink.cells
        self.buffer = bytearray(ROOM)
        self.view = memoryview(self.buffer)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.buffer))
        self.end = 0  # so much of the buffer is filled
        self.in_body = self.fresh = self.deaf = self.secure = self.named = False
        self.becoming_secure = False
        self.login: list[str] | None = None  # answers of AUTH LOGIN so far
        self.sender: str | None = None
        self.recipients: list[str] = []
        self.parts: list[bytes] = []
        self.replies: list[bytes] = []
        self.taken = 0
        self.tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self.secure = self.sink.implicit
        self.cells[self.sink.first + 2] += 1
        if not self.trouble("hello"):
            self.replies.append(b"220 sink.example ESMTP\r\n")
        self.send()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.view[self.end :]

    def buffer_updated(self, nbytes: int) -> None:
        if self.deaf:
            return
        self.end += nbytes
        begin = 0
        while begin < self.end and not self.deaf and not self.becoming_secure:
            after = self.read_body(begin) if self.in_body else self.read_command(begin)
            if after is None:
                break
            begin = after
            if self.cells[LIE]:
                begin = self.end
        begin = min(begin, self.end)
        rest = self.end - begin
        if begin and rest:
            self.buffer[:rest] = self.buffer[begin : self.end]
        self.end = rest
        self.send()
        if rest == ROOM:
            self.transport.abort()
        elif self.cells[SLOW] and not self.transport.is_closing():
            self.transport.pause_reading()
            pause = nbytes / 1024 / self.cells[SLOW]
            asyncio.get_running_loop().call_later(pause, self.go_on)

    def go_on(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def send(self) -> None:
        said, self.replies = b"".join(self.replies), []
        if not said or self.transport.is_closing():
            return
        if self.cells[DELAY]:
            loop = asyncio.get_running_loop()
            loop.call_later(self.cells[DELAY] / 1000, self.transport.write, said)
        else:
            self.transport.write(said)

    def trouble(self, point: str) -> bool:
        """True where the connection ends here, or nothing is answered any more."""
        if self.sink.happens(CLOSE, point):
            self.send()
            self.transport.close()
            self.deaf = True
        elif self.sink.happens(HANG, point):
            self.deaf = True
        return self.deaf

    def refused(self, point: str) -> bool:
        if not self.sink.happens(REFUSE, point):
            return False
        code = self.cells[REFUSE_CODE]
        self.replies.append(f"{code} {WORDS.get(code, 'no')}\r\n".encode())
        return True

    # -- a message ----------------------------------------------------------------------------

    def read_body(self, begin: int) -> int | None:
        if self.trouble("body"):
            return self.end
        if self.fresh:  # a lone dot may be all
            head = bytes(self.view[begin : begin + 3])
            if head == b".\r\n":
                self.finish()
                return begin + 3
            if self.end - begin < 3 and b".\r\n".startswith(head):
                return None
            self.fresh = False
        found = _memmem(self.address + begin, self.end - begin, b"\r\n.\r\n", 5)
        if found is None:
            after = max(begin, self.end - 4)  # the end may be cut in two
            if self.sink.keep:
                self.parts.append(bytes(self.view[begin:after]))
            return after if after > begin else None
        cut = found - self.address
        if self.sink.keep:
            self.parts.append(bytes(self.view[begin : cut + 2]))
        self.finish()
        return int(cut + 5)

    def finish(self) -> None:
        self.in_body = False
        body, self.parts = b"".join(self.parts), []
        sender, self.sender = self.sender or "", None
        recipients, self.recipients = self.recipients, []
        if not recipients:
            self.replies.append(b"554 5.5.1 no valid recipients\r\n")
        elif self.refused("end"):
            self.cells[self.sink.first + 1] += 1
        else:
            self.sink.take(sender, recipients, body)
            self.taken += 1
            if not self.trouble("end"):
                self.replies.append(b"250 2.0.0 taken\r\n")

    # -- commands -----------------------------------------------------------------------------

    def read_command(self, begin: int) -> int | None:
        newline = self.buffer.find(b"\n", begin, self.end)
        if newline < 0:
            return None
        line = str(self.view[begin:newline], "utf-8", "replace").rstrip("\r")
        if self.sink.keep:
            self.sink.heard.append(line)
        if self.login is not None:
            self.go_on_with_login(line)
            return newline + 1
        verb, _, rest = line.partition(" ")
        does = getattr(self, f"do_{verb.lower()}", None)
        if does:
            does(rest)
        else:
            self.replies.append(b"500 5.5.2 what?\r\n")
        return newline + 1

    def do_ehlo(self, _: str) -> None:
        lines = ["sink.example", *self.sink.extensions, f"SIZE {self.cells[SIZE]}"]
        if self.cells[PIPELINING]:
            lines.append("PIPELINING")
        if self.sink.tls and not self.secure:
            lines.append("STARTTLS")
        if self.sink.login:
            lines.append(f"AUTH {self.sink.methods}")
        said = "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}\r\n"
        self.replies.append(said.encode())

    def do_helo(self, _: str) -> None:
        self.replies.append(b"250 sink.example\r\n")

    def do_mail(self, rest: str) -> None:
        if self.cells[GOODBYE] and self.taken >= self.cells[GOODBYE]:
            self.replies.append(b"421 4.7.0 enough from you\r\n")
            self.send()
            self.deaf = True
            asyncio.get_running_loop().call_later(self.cells[DELAY] / 1000, self.transport.close)
        elif self.sink.login and not self.named:
            self.replies.append(b"530 5.7.0 authentication required\r\n")
        elif self.sender is not None:
            self.replies.append(b"503 5.5.1 nested MAIL\r\n")
        elif not self.trouble("mail") and not self.refused("mail"):
            self.sender = rest.partition("<")[2].partition(">")[0]
            size = int(rest.partition("SIZE=")[2].split(" ")[0] or 0)
            if size > self.cells[SIZE]:
                self.sender = None
                self.replies.append(b"552 5.3.4 message too big\r\n")
            else:
                self.replies.append(b"250 2.1.0 ok\r\n")

    def do_rcpt(self, rest: str) -> None:
        if self.sender is None:
            self.replies.append(b"503 5.5.1 MAIL first\r\n")
            return
        if self.trouble("rcpt"):
            return
        recipient = rest.partition("<")[2].partition(">")[0]
        if recipient in self.sink.answers:
            self.replies.append(self.sink.answers[recipient] + b"\r\n")
            if not self.sink.answers[recipient].startswith(b"2"):
                self.cells[self.sink.first + 1] += 1
                return
        elif self.refused("rcpt"):
            self.cells[self.sink.first + 1] += 1
            return
        else:
            self.replies.append(b"250 2.1.5 ok\r\n")
        self.recipients.append(recipient)

    def do_data(self, _: str) -> None:
        if self.sender is None or (self.cells[STRICT] and not self.recipients):
            self.replies.append(b"554 5.5.1 no valid recipients\r\n")
        elif not self.trouble("data") and not self.refused("data"):
            self.in_body = self.fresh = True
            self.replies.append(b"354 go on\r\n")

    def do_rset(self, _: str) -> None:
        self.sender, self.recipients = None, []
        self.replies.append(b"250 2.0.0 ok\r\n")

    def do_noop(self, _: str) -> None:
        self.replies.append(b"250 2.0.0 ok\r\n")

    def do_quit(self, _: str) -> None:
        self.replies.append(b"221 2.0.0 bye\r\n")
        self.send()
        asyncio.get_running_loop().call_later(self.cells[DELAY] / 1000, self.transport.close)

    def do_starttls(self, _: str) -> None:
        self.transport.write(b"220 2.0.0 go ahead\r\n")
        self.secure = self.becoming_secure = True
        task = asyncio.get_running_loop().create_task(self.start_tls())
        self.tasks.add(task)

    async def start_tls(self) -> None:
        assert self.sink.tls
        loop = asyncio.get_running_loop()
        try:
            made = await loop.start_tls(self.transport, self, self.sink.tls, server_side=True)
        except (OSError, ssl.SSLError):
            self.transport.abort()
        else:
            assert made
            self.transport, self.becoming_secure = made, False
            self.buffer_updated(0)

    def do_auth(self, rest: str) -> None:
        method, _, first = rest.partition(" ")
        if method.upper() == "PLAIN":
            _, user, password = base64.b64decode(first).decode().split("\0")
            self.let_in(user, password)
        else:
            self.login = []
            self.replies.append(b"334 VXNlcm5hbWU6\r\n")

    def go_on_with_login(self, line: str) -> None:
        assert self.login is not None
        self.login.append(base64.b64decode(line).decode())
        if len(self.login) == 2:
            user, password = self.login
            self.login = None
            self.let_in(user, password)
        else:
            self.replies.append(b"334 UGFzc3dvcmQ6\r\n")

    def let_in(self, user: str, password: str) -> None:
        self.named = (user, password) == self.sink.login
        good, bad = b"235 2.7.0 welcome\r\n", b"535 5.7.8 wrong name or password\r\n"
        self.replies.append(good if self.named else bad)

    def do_xsink(self, rest: str) -> None:
        wanted = (pair.partition("=") for pair in rest.split())
        self.sink.board.set(**{name: int(value) for name, _, value in wanted})
        self.replies.append(f"250 {json.dumps(self.sink.board.counts())}\r\n".encode())


@asynccontextmanager
async def sink(
    board: Board | None = None, listen: socket.socket | None = None, **more: Any
) -> AsyncIterator[Sink]:
    """One in this process; `more` are troubles, and what Sink takes."""
    troubles = {name: more.pop(name) for name in TROUBLES if name in more}
    served = Sink(board or Board(**troubles), **more)
    loop = asyncio.get_running_loop()
    listen = listen or listening(0)
    secure = served.tls if served.implicit else None
    server = await loop.create_server(lambda: Session(served), sock=listen, ssl=secure)
    served.port = listen.getsockname()[1]
    try:
        yield served
    finally:
        server.close()


def listening(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    made.listen(1024)
    return made


# -- as a process, and what others say to it --------------------------------------------------


class Running:
    """A sink that runs as a process of its own."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port, self.pid = process, port, process.pid

    def tell(self, **troubles: int | str) -> dict[str, int]:
        return tell(self.port, **troubles)

    def kill(self) -> None:
        """kill -9; its workers die with it."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running(record: Path | None = None, **options: int | str) -> Iterator[Running]:
    """`options` are those of the command line: port, workers, and the troubles."""
    given = {"port": 0, **options}
    command = [sys.executable, "-m", "bench.mail.sink"]
    command += ["--record", str(record)] if record else []
    command += [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        said = process.stdout.readline()
        if not said.strip().isdigit():
            raise RuntimeError("The sink did not start; its words are above.")
        yield Running(process, int(said))
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def tell(port: int, **troubles: int | str) -> dict[str, int]:
    """Set troubles of a running sink (none: only ask); how many were accepted, refused, and how
    many connections were made since it started."""
    numbers = {
        name: AT.index(value) if isinstance(value, str) else value
        for name, value in troubles.items()
    }
    said = " ".join(["XSINK", *(f"{name}={value}" for name, value in numbers.items())])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(said.encode() + b"\r\n")
        read = line.makefile()
        answer = next(row for row in read if row.startswith("250 "))
    counts: dict[str, int] = json.loads(answer[4:])
    return counts


def read_record(path: Path) -> Counter[str]:
    """How often each recipient was accepted."""
    return Counter(path.read_text().split("\n")[:-1]) if path.exists() else Counter()


async def _serve(board: Board, listen: socket.socket, worker: int, record: Path | None) -> None:
    async with sink(board, listen, worker=worker, record=record):
        await asyncio.get_running_loop().create_future()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    for name in TROUBLES:
        kind: Any = {"choices": AT} if name.endswith("_at") else {"type": int}
        parser.add_argument(f"--{name.replace('_', '-')}", **kind)
    chosen = vars(parser.parse_args())
    board = Board(**{name: chosen[name] for name in TROUBLES if chosen[name] is not None})
    listeners = [listening(chosen["port"])]
    port = listeners[0].getsockname()[1]
    listeners += [listening(port) for _ in range(chosen["workers"] - 1)]
    mine = 0
    for worker in range(1, chosen["workers"]):
        if os.fork() == 0:
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # die with the first one
            mine = worker
            break
    if mine == 0:
        print(port, flush=True)
    for number, listener in enumerate(listeners):
        if number != mine:
            listener.close()
    try:
        uvloop.run(_serve(board, listeners[mine], mine, chosen["record"]))
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
