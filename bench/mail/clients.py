"""Who sends: each in a process of its own, so that CPU and memory are its alone.

    python -m bench.mail.clients wire --port 2525 --letters 1000 --connections 10

prints a line of JSON: seconds, seconds of CPU, MB at its highest. `wire` is the bare limit: it
streams finished messages, made beforehand, and counts lines of answers without reading them.
"""

import argparse
import asyncio
import json
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

import uvloop

from bench.mail import letter
from standfirst.newsletters.delivery.road import Answer, Outcome, Outgoing
from standfirst.newsletters.delivery.smtp import Server, SmtpLine
from standfirst.newsletters.slots import WORD

MADE = 200  # different finished messages that `wire` sends again and again
Row = dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--letters", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=10)
    chosen = parser.parse_args()
    run = CLIENTS[chosen.client](chosen.port, chosen.letters, chosen.connections)
    before, began = _cpu(), time.perf_counter()
    run()
    row = {"seconds": time.perf_counter() - began, "cpu": _cpu() - before}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**row, "peak_mb": peak}))
    return 0


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


# -- the bare limit ---------------------------------------------------------------------------


class Bare(asyncio.Protocol):
    """Writes a message and the next envelope when four lines have come, whatever they say."""

    def __init__(self, messages: Iterator[tuple[bytes, bytes]]) -> None:
        self.messages = messages
        self.lines, self.wanted = 0, 1
        self.done = asyncio.get_running_loop().create_future()
        self.state = self.greeted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.lines += data.count(b"\n")
        if self.lines >= self.wanted:
            self.lines = 0
            self.state()

    def greeted(self) -> None:
        self.transport.write(b"HELO bench\r\n")
        self.state = self.first

    def first(self) -> None:
        self.next = next(self.messages, None)
        if self.next is None:
            self.done.set_result(None)
            return
        self.transport.write(self.next[0])
        self.wanted, self.state = 3, self.body

    def body(self) -> None:
        if self.next is None:
            self.done.set_result(None)
            return
        said = [self.next[1]]
        self.next = next(self.messages, None)
        if self.next:
            said.append(self.next[0])
        self.transport.writelines(said)
        self.wanted = 4 if self.next else 1


def wire(port: int, many: int, connections: int) -> Callable[[], None]:
    made = [
        (
            f"MAIL FROM:<{letter.SENDER}>\r\nRCPT TO:<{one.recipient}>\r\nDATA\r\n".encode(),
            one.body + b".\r\n",
        )
        for one in letter.letters(MADE, signed=False)
    ]
    messages = (made[number % MADE] for number in range(many))

    async def work() -> None:
        loop = asyncio.get_running_loop()
        opened = [
            await loop.create_connection(lambda: Bare(messages), "127.0.0.1", port)
            for _ in range(connections)
        ]
        await asyncio.gather(*(protocol.done for _, protocol in opened))
        for transport, _ in opened:
            transport.close()

    return lambda: uvloop.run(work())


# -- ours -------------------------------------------------------------------------------------


class Counting:
    """A driver that only counts."""

    def __init__(self) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.words = ""

    def body_leaves(self, number: int) -> bool:
        return True

    def answered(self, answer: Answer) -> None:
        self.outcomes[answer.outcome] += 1
        if answer.outcome is not Outcome.ACCEPTED:
            self.words = answer.words


def ours(port: int, many: int, connections: int, *, signed: bool) -> Callable[[], None]:
    given = letter.letters(many, signed=signed)
    first = list(islice(given, 1))  # the letter is compiled before the clock begins

    def rest() -> Iterator[Outgoing]:
        yield from first
        yield from given

    async def work() -> None:
        driver, all_of_them = Counting(), rest()
        lines = [SmtpLine(Server("127.0.0.1", port), letter.SENDER) for _ in range(connections)]
        await asyncio.gather(*(line.carry(all_of_them, driver) for line in lines))
        await asyncio.gather(*(line.close() for line in lines))
        assert driver.outcomes == {Outcome.ACCEPTED: many}, (driver.outcomes, driver.words)

    return lambda: uvloop.run(work())


def compiled(port: int, many: int, connections: int) -> Callable[[], None]:
    return ours(port, many, connections, signed=False)


def signed(port: int, many: int, connections: int) -> Callable[[], None]:
    return ours(port, many, connections, signed=True)


# -- Django's ---------------------------------------------------------------------------------


def filled(template: str, given: dict[str, str]) -> str:
    return WORD.sub(lambda found: given[found[1]], template)


def django(port: int, many: int, connections: int) -> Callable[[], None]:
    """Django's SMTP backend as it is meant for many: one connection, kept."""
    from django.conf import settings
    from django.core.mail import EmailMultiAlternatives
    from django.core.mail.backends.smtp import EmailBackend

    settings.configure(DEFAULT_CHARSET="utf-8", EMAIL_USE_LOCALTIME=False, USE_TZ=True)

    def messages() -> Iterator[EmailMultiAlternatives]:
        for number in range(1, many + 1):
            given = letter.values(number)
            text, html = (filled(part, given) for part in (letter.TEXT, letter.HTML))
            message = EmailMultiAlternatives(
                letter.SUBJECT,
                text,
                f"{letter.HEAD.name} <{letter.HEAD.address}>",
                [f"Reader <{given['address']}>"],
                headers={
                    "List-Unsubscribe": f"<{given['unsubscribe']}>",
                    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                },
            )
            message.attach_alternative(html, "text/html")
            yield message

    def run() -> None:
        with EmailBackend(host="127.0.0.1", port=port) as backend:
            for message in messages():
                assert backend.send_messages([message]) == 1

    return run


CLIENTS: dict[str, Callable[[int, int, int], Callable[[], None]]] = {
    "wire": wire,
    "compiled": compiled,
    "signed": signed,
    "django": django,
}

if __name__ == "__main__":
    raise SystemExit(main())
