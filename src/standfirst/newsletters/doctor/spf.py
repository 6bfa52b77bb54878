"""May a machine send in the name of a domain? SPF's check_host (RFC 7208). No framework."""

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from standfirst.newsletters.doctor.rules import Finding, Level, Zone

MOST_LOOKUPS, MOST_VOID = 10, 2  # RFC 7208, 4.6.4
_ASKING = {"include", "a", "mx", "ptr", "exists", "redirect"}


class Result(StrEnum):
    """The results of RFC 7208, 2.6, that matter here."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    NONE = "none"
    PERMERROR = "permerror"


_BY_SIGN = {"+": Result.PASS, "-": Result.FAIL, "~": Result.SOFTFAIL, "?": Result.NEUTRAL}


class Broken(Exception):  # noqa: N818
    """The record cannot be used; the text says why."""


@dataclass
class _Count:
    lookups: int = 0
    void: int = 0
    unread: list[str] = field(default_factory=list)  # terms that only a receiver works out

    def ask(self) -> None:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:
            raise Broken(f"it needs more than {MOST_LOOKUPS} look-ups")

    def found(self, many: int) -> None:
        self.void += not many
        if self.void > MOST_VOID:
            raise Broken(f"more than {MOST_VOID} of the names in it lead nowhere")


def record_of(zone: Zone, domain: str) -> str | None:
    """The SPF record of a domain, or None. Raises Broken where there are several."""
    found = [
        record
        for record in zone.txt(domain)
        if record.lower() == "v=spf1" or record.lower().startswith("v=spf1 ")
    ]
    if len(found) > 1:
        raise Broken(f"{domain} has {len(found)} SPF records, so none counts; make one of them")
    return found[0] if found else None


def check_host(zone: Zone, domain: str, address: str) -> tuple[Result, int]:
    """May `address` (IPv4 or IPv6) send for `domain`? The result, and how many look-ups it took.
    Macros are not expanded: a term with one matches nothing. Raises Broken."""
    result, count = _counted(zone, domain, address)
    return result, count.lookups


def _counted(zone: Zone, domain: str, address: str) -> tuple[Result, _Count]:
    count = _Count()
    return _check(zone, domain, ip_address(address), count), count


def _check(zone: Zone, domain: str, ip: IPv4Address | IPv6Address, count: _Count) -> Result:
    record = record_of(zone, domain)
    if record is None:
        return Result.NONE
    elsewhere = ""
    for term in record.split()[1:]:
        if term.lower().startswith("redirect="):
            elsewhere = term.partition("=")[2]
            continue
        if "=" in term.partition(":")[0].partition("/")[0]:
            continue  # exp=, and modifiers nobody knows
        sign, mechanism = (term[0], term[1:]) if term[0] in _BY_SIGN else ("+", term)
        if _matches(zone, domain, mechanism, ip, count):
            return _BY_SIGN[sign]
    if elsewhere:
        count.ask()
        if "%" in elsewhere:
            count.unread.append(f"redirect={elsewhere}")
            return Result.NEUTRAL
        result = _check(zone, elsewhere, ip, count)
        if result is Result.NONE:
            raise Broken(f"it leads on to {elsewhere}, which has no SPF record")
        return result
    return Result.NEUTRAL


def _matches(
    zone: Zone, domain: str, mechanism: str, ip: IPv4Address | IPv6Address, count: _Count
) -> bool:
    kind, _, rest = mechanism.partition(":")
    kind, slash, prefix = kind.partition("/")
    kind = kind.lower()
    if kind in {"a", "mx"} and rest:
        rest, slash, prefix = rest.partition("/")
    target = rest or domain
    if kind in _ASKING:
        count.ask()
    if "%" in mechanism or kind in {"ptr", "exists"}:
        count.unread.append(mechanism)
        return False
    match kind:
        case "all":
            return True
        case "ip4" | "ip6":
            return _within(ip, rest)
        case "include":
            result = _check(zone, rest, ip, count)
            if result is Result.NONE:
                raise Broken(f"it includes {rest}, which has no SPF record")
            return result is Result.PASS
        case "a":
            found = zone.addresses(target)
            count.found(len(found))
            return any(_within(ip, one + _length(one, slash + prefix)) for one in found)
        case "mx":
            servers = zone.exchangers(target)
            count.found(len(servers))
            found = [one for server in servers[:MOST_LOOKUPS] for one in zone.addresses(server)]
            return any(_within(ip, one + _length(one, slash + prefix)) for one in found)
    raise Broken(f"“{mechanism}” is not understood")


def _length(address: str, said: str) -> str:
    """`/24//64` after a name: the first counts for IPv4, the second for IPv6; either may be
    missing (RFC 7208, 5.6)."""
    four, _, six = said.partition("//")
    length = six if ":" in address else four.removeprefix("/")
    return f"/{length}" if length else ""


def _within(ip: IPv4Address | IPv6Address, network: str) -> bool:
    try:
        return ip in ip_network(network, strict=False)
    except ValueError as error:
        raise Broken(f"“{network}” is not a network") from error


def look_at_spf(zone: Zone, domain: str, senders: list[str]) -> list[Finding]:
    """What is to be said of the SPF record of the envelope's domain, for mail that leaves from the
    addresses `senders` (those of the relay, as far as they are known)."""
    named = " ".join(f"ip{6 if ':' in one else 4}:{one}" for one in senders)
    wanted = f"v=spf1 {named or 'mx'} -all"
    try:
        record = record_of(zone, domain)
        if record is None:
            sentence = f"{domain} has no SPF record: nobody can tell who may send for it."
            return [Finding(Level.BAD, "SPF", sentence, domain, wanted)]
        if not senders:
            _, lookups = check_host(zone, domain, "192.0.2.1")
            sentence = f"{domain} has an SPF record ({lookups} of {MOST_LOOKUPS} look-ups)."
            return [Finding(Level.GOOD, "SPF", sentence), *_of_the_end(domain, record)]
        findings = [_of_sender(zone, domain, one, record) for one in senders]
    except Broken as error:
        sentence = f"The SPF record of {domain} does not count: {error}."
        return [Finding(Level.BAD, "SPF", sentence, domain)]
    return [*findings, *_of_the_end(domain, record)]


def _of_sender(zone: Zone, domain: str, address: str, record: str) -> Finding:
    result, count = _counted(zone, domain, address)
    if result is Result.PASS:
        sentence = f"{address} may send for {domain} ({count.lookups} of {MOST_LOOKUPS} look-ups)."
        return Finding(Level.GOOD, "SPF", sentence)
    if count.unread:
        sentence = (
            f"Whether {address} may send for {domain} depends on “{count.unread[0]}”, which only a "
            "receiver works out. Look at a letter that arrived: Received-SPF or "
            "Authentication-Results should say spf=pass."
        )
        return Finding(Level.ADVICE, "SPF", sentence)
    version, _, rest = record.partition(" ")
    record = f"{version} ip{6 if ':' in address else 4}:{address} {rest}".strip()
    sentence = (
        f"Our mail leaves from {address}, which may not send for {domain} ({result}). Add it:"
    )
    return Finding(Level.BAD, "SPF", sentence, domain, record)


def _of_the_end(domain: str, record: str) -> list[Finding]:
    terms = [term.lower() for term in record.split()]
    if "+all" in terms or "all" in terms:
        sentence = f"{domain} lets everybody send for it (+all). End the record with -all."
        return [Finding(Level.BAD, "SPF", sentence, domain)]
    if not any(t in {"-all", "~all"} or t.startswith("redirect=") for t in terms):
        sentence = f"The SPF record of {domain} says nothing of everybody else. End it with -all."
        return [Finding(Level.ADVICE, "SPF", sentence, domain)]
    return []
