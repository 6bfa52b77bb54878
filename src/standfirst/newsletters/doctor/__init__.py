"""`standfirst mail doctor`: is our mail believed, and if not, what is to be changed?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address

from standfirst.newsletters.doctor.rules import (
    Finding,
    Level,
    Unanswered,
    Zone,
    look_at_alignment,
    look_at_dkim,
    look_at_dmarc,
)
from standfirst.newsletters.doctor.spf import look_at_spf


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The key that signs: its domain and selector, and its public half as a DNS record says it;
    `bits` is the length of one of RSA (0: not known)."""

    domain: str
    selector: str
    public: str
    kind: str = "rsa"
    bits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """What is to be examined: the domain readers see in From, the one that bounces go to, the key
    that signs, the relay's name, and the addresses from which mail leaves, where they are known.
    A `provider` that takes letters by requests signs them, and has bounces come to itself."""

    author: str
    envelope: str
    key: Key | None = None
    relay: str = ""
    addresses: list[str] = field(default_factory=list)
    provider: str = ""


def examine(zone: Zone, sender: Sender) -> Iterator[Finding]:
    """Every finding, one part after the other: SPF, DKIM, DMARC, alignment. A part for which the
    DNS did not answer says so, and the others go on."""
    key = sender.key
    if sender.provider:
        yield _by_provider(sender)
        yield from _answered("DMARC", lambda: look_at_dmarc(zone, sender.author))
        return
    parts = [
        lambda: look_at_spf(zone, sender.envelope, sender.addresses),
        lambda: (
            look_at_dkim(zone, key.domain, key.selector, key.public, key.kind, key.bits)
            if key
            else [_unsigned(sender)]
        ),
        lambda: look_at_dmarc(zone, sender.author),
        lambda: list(
            look_at_alignment(
                zone,
                sender.author,
                envelope=sender.envelope,
                signed_by=key.domain if key else None,
            )
        ),
    ]
    for about, part in zip(("SPF", "DKIM", "DMARC", "Alignment"), parts, strict=True):
        yield from _answered(about, part)


def _answered(about: str, part: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return part()
    except Unanswered as error:
        return [Finding(Level.BAD, about, f"Not known: {error}. Try again later.")]


def _by_provider(sender: Sender) -> Finding:
    return Finding(
        Level.ADVICE,
        "DKIM",
        f"{sender.provider} signs our mail, and has bounces come to itself. Look at a letter that "
        f"arrived: Authentication-Results should say dkim=pass with header.d={sender.author}, and "
        f"dmarc=pass. If not, let {sender.provider} show you which records it wants.",
    )


def _unsigned(sender: Sender) -> Finding:
    by = f"the relay {sender.relay}" if sender.relay else "a relay"
    return Finding(
        Level.ADVICE,
        "DKIM",
        f"We sign nothing ourselves (DKIM_KEY is not set). If {by} signs, look at a letter that "
        f"arrived: Authentication-Results should say dkim=pass with header.d={sender.author}.",
    )


def public_addresses(zone: Zone, relay: str) -> list[str]:
    """The relay's addresses as the world sees them; none for one on this machine or network, whose
    address outside is not known from here."""
    try:
        found = [str(ip_address(relay))]
    except ValueError:
        found = zone.addresses(relay) if "." in relay else []
    return [one for one in found if ip_address(one).is_global]
