"""What the DNS says of a sender of mail, and what to change. It imports no framework.

SPF is RFC 7208, DKIM's key record RFC 6376 and 8463, DMARC RFC 9989 (with 9990 and 9991 for its
reports): the policy and the organizational domain are found by walking up the DNS tree, no list of
public suffixes is read. Nothing here asks the network; `Zone` does.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

GOOD_BITS = 2048  # of an RSA key: RFC 8301 says so, and so do Gmail and Yahoo
MOST_LABELS = 8  # RFC 9989, 4.10: a longer name goes on with its last seven


class Level(StrEnum):
    """How much a finding matters."""

    GOOD = "good"
    ADVICE = "advice"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what is the matter, and what to publish where, if anything."""

    level: Level
    about: str  # SPF, DKIM, DMARC, Alignment
    sentence: str
    name: str = ""  # where in the DNS a TXT record is to stand
    record: str = ""  # and what it is to say


class Unanswered(Exception):  # noqa: N818
    """The DNS did not answer, so that nothing is known; the text names the question."""


class Zone(Protocol):
    """The DNS, as far as a doctor asks. Each method raises Unanswered where no server answers."""

    def txt(self, name: str) -> list[str]:
        """The TXT records of a name, the strings of each joined; none for a name that is not."""

    def addresses(self, name: str) -> list[str]:
        """The IPv4 and IPv6 addresses of a name."""

    def exchangers(self, name: str) -> list[str]:
        """The names of a domain's mail servers."""


def tags_of(record: str) -> dict[str, str]:
    """`v=DMARC1; p=none` as a mapping; the names of tags in small letters. What has no equals sign
    is left out."""
    parts = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip() for name, sign, value in parts if sign}


# -- DMARC --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Policy:
    """A DMARC record, and the domain it was found at."""

    domain: str
    tags: Mapping[str, str]

    @property
    def psd(self) -> str:
        """y (a public suffix), n (an organizational domain by its own word) or u (unsaid)."""
        said = self.tags.get("psd", "u").lower()
        return said if said in {"y", "n"} else "u"


def dmarc_at(zone: Zone, domain: str) -> Policy | None:
    """The one DMARC record of exactly this domain; several count as none (RFC 9989, 4.7)."""
    found = []
    for record in zone.txt(f"_dmarc.{domain}"):
        first, _, _ = record.partition(";")
        name, _, value = first.partition("=")
        if name.strip().lower() == "v" and value.strip() == "DMARC1":
            found.append(Policy(domain, tags_of(record)))
    return found[0] if len(found) == 1 else None


def walk(zone: Zone, domain: str) -> list[Policy]:
    """The DMARC records from a domain up to the root, or to one that says by psd where it stands;
    the longest name first (RFC 9989, 4.10)."""
    found = []
    for name in steps(domain):
        if policy := dmarc_at(zone, name):
            found.append(policy)
            if policy.psd != "u":
                break
    return found


def steps(domain: str) -> Iterator[str]:
    """The names that a walk asks, at most eight: the domain, then its parents down to one label."""
    labels = domain.lower().rstrip(".").split(".")
    yield ".".join(labels)
    labels = labels[1:] if len(labels) <= MOST_LABELS else labels[-(MOST_LABELS - 1) :]
    while labels:
        yield ".".join(labels)
        labels = labels[1:]


def organization(zone: Zone, domain: str) -> str:
    """The organizational domain of a domain (RFC 9989, 4.10.2). Without any record: itself."""
    domain = domain.lower().rstrip(".")
    found = walk(zone, domain)
    for policy in found:
        if policy.psd == "n":
            return policy.domain
        if policy.psd == "y" and policy.domain != domain:
            longer = domain.removesuffix(f".{policy.domain}").rpartition(".")[2]
            return f"{longer}.{policy.domain}"
    return min((p.domain for p in found), key=lambda name: name.count("."), default=domain)


def policy_for(zone: Zone, domain: str) -> Policy | None:
    """The policy that holds for mail from a domain: its own, that of its organization, or that of
    the public suffix above it (RFC 9989, 4.10.1)."""
    found = {policy.domain: policy for policy in walk(zone, domain)}
    own = found.get(domain.lower().rstrip("."))
    if own:
        return own
    return found.get(organization(zone, domain)) or next(
        (policy for policy in found.values() if policy.psd == "y"), None
    )


def is_aligned(zone: Zone, author: str, other: str, mode: str) -> bool:
    """Do two domains count as one: the same (mode `s`), or of one organization (mode `r`)?"""
    author, other = author.lower().rstrip("."), other.lower().rstrip(".")
    if author == other:
        return True
    return mode != "s" and organization(zone, author) == organization(zone, other)


def look_at_dmarc(zone: Zone, author: str) -> list[Finding]:
    """What is to be said of the DMARC policy for mail whose From has the domain `author`."""
    name = f"_dmarc.{author}"
    several = [r for r in zone.txt(name) if r.strip().lower().startswith("v=dmarc1")]
    if len(several) > 1:
        return [
            Finding(
                Level.BAD,
                "DMARC",
                f"{name} has {len(several)} DMARC records, so none counts. Keep one.",
                name,
                several[0],
            )
        ]
    policy = policy_for(zone, author)
    if policy is None:
        return [
            Finding(
                Level.BAD,
                "DMARC",
                f"No DMARC record holds for {author}. Gmail, Yahoo and Microsoft refuse bulk mail "
                "without one. Begin by being told what happens:",
                name,
                f"v=DMARC1; p=none; rua=mailto:dmarc@{author}",
            )
        ]
    return [*_of_policy(policy, author), *_of_reports(zone, policy)]


def _of_policy(policy: Policy, author: str) -> Iterator[Finding]:
    tags, name = policy.tags, f"_dmarc.{policy.domain}"
    below = policy.domain != author
    wanted = (tags.get("sp") or tags.get("p", "none")) if below else tags.get("p", "none")
    wanted = wanted.lower()
    if wanted not in {"none", "quarantine", "reject"}:
        yield Finding(
            Level.BAD,
            "DMARC",
            f"{name} asks for “{wanted}”, which is no policy. Write none, quarantine or reject.",
            name,
        )
        return
    where = f" It stands at {policy.domain} and holds below it." if below else ""
    if tags.get("t", "n").lower() == "y" and wanted != "none":
        yield Finding(
            Level.ADVICE,
            "DMARC",
            f"The policy is {wanted}, but t=y says that it is only a test.{where} Take t=y out "
            "once the reports show nothing that you do not know.",
        )
    elif wanted == "none":
        yield Finding(
            Level.ADVICE,
            "DMARC",
            f"The policy is none: mail that forges {author} is still delivered.{where} Once the "
            "reports show only mail of yours, go on to quarantine, then reject.",
        )
    else:
        yield Finding(Level.GOOD, "DMARC", f"The policy for {author} is {wanted}.{where}")
    old = sorted({"pct", "rf", "ri"} & set(tags))
    if old:
        yield Finding(
            Level.ADVICE,
            "DMARC",
            f"{', '.join(old)} in {name} means nothing any more since RFC 9989. Take it out; "
            "a policy that is only tried is marked by t=y.",
        )
    if "p" not in tags:
        yield Finding(
            Level.ADVICE,
            "DMARC",
            f"{name} has no p, for which many servers take no notice of it. Write p={wanted}.",
            name,
        )
    if not tags.get("rua"):
        yield Finding(
            Level.ADVICE,
            "DMARC",
            f"Nobody is sent the reports on who sends mail in the name of {policy.domain}. "
            f"Add rua=mailto: and an address.",
        )


def _of_reports(zone: Zone, policy: Policy) -> Iterator[Finding]:
    """Whoever is sent reports about another's domain must say that they take them (RFC 9990)."""
    addresses = re.findall(r"mailto:[^,!]*@([^,!\s]+)", policy.tags.get("rua", ""), re.IGNORECASE)
    for domain in dict.fromkeys(one.lower() for one in addresses):
        if organization(zone, domain) == organization(zone, policy.domain):
            continue
        name = f"{policy.domain}._report._dmarc.{domain}"
        if not any(one.replace(" ", "").startswith("v=DMARC1") for one in zone.txt(name)):
            yield Finding(
                Level.ADVICE,
                "DMARC",
                f"{domain} does not say that it takes reports about {policy.domain}, so none is "
                "sent there. Whoever runs it must publish:",
                name,
                "v=DMARC1",
            )


# -- DKIM ---------------------------------------------------------------------------------------


def look_at_dkim(
    zone: Zone, domain: str, selector: str, public: str, kind: str, bits: int = 0
) -> list[Finding]:
    """Is the key that signs published, and believed? `public` is the key's base64 as a record says
    it, `kind` rsa or ed25519, `bits` the length of one of RSA (0: not known)."""
    name = f"{selector}._domainkey.{domain}"
    wanted = f"v=DKIM1; k={kind}; p={public}"
    found = [tags_of(record) for record in zone.txt(name)]
    keys = [tags for tags in found if "p" in tags]
    if not keys:
        sentence = f"The key that signs our mail is not published at {name}. Publish it:"
        return [Finding(Level.BAD, "DKIM", sentence, name, wanted)]
    if len(keys) > 1:
        sentence = f"{name} has {len(keys)} keys; which one is tried is up to chance. Keep one:"
        return [Finding(Level.BAD, "DKIM", sentence, name, wanted)]
    published = "".join(keys[0]["p"].split())
    if not published:
        sentence = f"The key at {name} was withdrawn (p= is empty). Publish the one that signs:"
        return [Finding(Level.BAD, "DKIM", sentence, name, wanted)]
    if published != public or keys[0].get("k", "rsa").lower() != kind:
        sentence = f"The key at {name} is not the one that signs our mail. Publish this one:"
        return [Finding(Level.BAD, "DKIM", sentence, name, wanted)]
    if odd := _odd_tag(keys[0]):
        sentence = f"{odd} at {name} keeps servers from using the key. Publish this:"
        return [Finding(Level.BAD, "DKIM", sentence, name, wanted)]
    findings = [Finding(Level.GOOD, "DKIM", f"The key that signs is published at {name}.")]
    if kind == "ed25519":
        sentence = (
            "Signatures by Ed25519 (RFC 8463) Gmail and others do not read, so that to them our "
            "mail is not signed. Take an RSA key of 2048 bits."
        )
        findings.append(Finding(Level.BAD, "DKIM", sentence))
    elif 0 < bits < GOOD_BITS:
        sentence = f"The key that signs has {bits} bits. Make one of {GOOD_BITS} (RFC 8301)."
        findings.append(Finding(Level.ADVICE, "DKIM", sentence))
    if "y" in keys[0].get("t", "").split(":"):
        sentence = f"t=y at {name} says that signatures are only tried. Take it out."
        findings.append(Finding(Level.ADVICE, "DKIM", sentence, name, wanted))
    return findings


def _odd_tag(tags: Mapping[str, str]) -> str:
    """What in a key's record keeps it from checking our signatures of mail (RFC 6376, 3.6.1)."""
    may = {"v": {"DKIM1"}, "h": {"sha256"}, "s": {"*", "email"}}
    for name, values in may.items():
        said = tags.get(name)
        if said is not None and not values & {one.strip() for one in said.split(":")}:
            return f"{name}={said}"
    return ""


# -- alignment ----------------------------------------------------------------------------------


def look_at_alignment(
    zone: Zone, author: str, *, envelope: str, signed_by: str | None
) -> Iterable[Finding]:
    """Would mail from `author` pass DMARC: by the domain of the envelope's sender (SPF), or by the
    domain that signs (DKIM; None: nobody signs that we know of)?"""
    policy = policy_for(zone, author)
    tags = policy.tags if policy else {}
    by_spf = is_aligned(zone, author, envelope, tags.get("aspf", "r").lower())
    by_dkim = bool(signed_by) and is_aligned(
        zone, author, signed_by or "", tags.get("adkim", "r").lower()
    )
    if by_dkim:
        yield Finding(
            Level.GOOD, "Alignment", f"Signatures of {signed_by} count for mail from {author}."
        )
    elif signed_by:
        yield Finding(
            Level.BAD,
            "Alignment",
            f"Signatures of {signed_by} do not count for mail from {author}. Sign with {author}, "
            "or send from an address of the domain that signs.",
        )
    if by_spf:
        yield Finding(Level.GOOD, "Alignment", f"SPF of {envelope} counts for mail from {author}.")
    else:
        level = Level.ADVICE if by_dkim else Level.BAD
        yield Finding(
            level,
            "Alignment",
            f"Bounces go to {envelope}, which is not of {author}’s organization, so that SPF does "
            f"not count for DMARC. Let them go to an address of {author}.",
        )
    if by_spf and not signed_by:
        yield Finding(
            Level.ADVICE,
            "Alignment",
            "We know of no DKIM signature. Mail that is forwarded then fails DMARC, and Gmail asks "
            "bulk senders to sign: set DKIM_KEY, or let the relay or provider sign.",
        )
