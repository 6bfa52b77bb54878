"""Is our mail believed? SPF, DKIM and DMARC as their RFCs have it, over a DNS of our own."""

from collections.abc import Mapping

import pytest

from standfirst.newsletters.doctor import Key, Sender, examine, public_addresses
from standfirst.newsletters.doctor.rules import (
    Level,
    Unanswered,
    is_aligned,
    organization,
    policy_for,
    steps,
    tags_of,
)
from standfirst.newsletters.doctor.spf import Broken, Result, check_host

HERE, RELAY = "203.0.113.7", "2001:db8::25"


class Said:
    """A DNS that says what it is told to."""

    def __init__(
        self,
        txt: Mapping[str, list[str]] | None = None,
        addresses: Mapping[str, list[str]] | None = None,
        exchangers: Mapping[str, list[str]] | None = None,
    ) -> None:
        self._txt, self._addresses = txt or {}, addresses or {}
        self._exchangers = exchangers or {}

    def txt(self, name: str) -> list[str]:
        if name.startswith("silent"):
            raise Unanswered(f"no server answered when asked for TXT of {name}")
        return self._txt.get(name, [])

    def addresses(self, name: str) -> list[str]:
        return self._addresses.get(name, [])

    def exchangers(self, name: str) -> list[str]:
        return self._exchangers.get(name, [])


# -- SPF ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "address", "result"),
    [
        ("v=spf1 ip4:203.0.113.0/24 -all", HERE, Result.PASS),
        ("v=spf1 ip4:198.51.100.0/24 -all", HERE, Result.FAIL),
        ("v=spf1 ip6:2001:db8::/32 ~all", RELAY, Result.PASS),
        ("v=spf1 ip4:198.51.100.1 ~all", HERE, Result.SOFTFAIL),
        ("v=spf1 a -all", HERE, Result.PASS),
        ("v=spf1 a:other.example/24 -all", "198.51.100.9", Result.PASS),
        ("v=spf1 mx -all", RELAY, Result.PASS),
        ("v=spf1 include:_spf.relay.example -all", "192.0.2.4", Result.PASS),
        ("v=spf1 include:_spf.relay.example -all", HERE, Result.FAIL),
        ("v=spf1 redirect=_spf.relay.example", "192.0.2.4", Result.PASS),
        ("v=spf1 -ip4:203.0.113.7 +all", HERE, Result.FAIL),
        ("v=spf1 exists:%{i}.list.example ?all", HERE, Result.NEUTRAL),
        ("v=spf1 exp=why.example", HERE, Result.NEUTRAL),
        ("v=spf1 a//64 -all", HERE, Result.PASS),
        ("v=spf1 mx//64 -all", "2001:db8::99", Result.PASS),
        ("v=spf1 mx/24//64 -all", "2001:db8::99", Result.PASS),
        ("v=spf1 mx/24//64 -all", "2001:db9::99", Result.FAIL),
    ],
)
def test_who_may_send_is_read_from_the_record(record: str, address: str, result: Result):
    zone = Said(
        {"mag.example": [record], "_spf.relay.example": ["v=spf1 ip4:192.0.2.0/28 -all"]},
        {"mag.example": [HERE], "other.example": ["198.51.100.1"], "mail.example": [RELAY]},
        {"mag.example": ["mail.example"]},
    )
    assert check_host(zone, "mag.example", address)[0] is result


def test_no_record_says_nothing():
    assert check_host(Said(), "mag.example", HERE) == (Result.NONE, 0)


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ({"mag.example": ["v=spf1 -all", "v=spf1 mx -all"]}, "2 SPF records"),
        ({"mag.example": ["v=spf1 include:nowhere.example -all"]}, "no SPF record"),
        ({"mag.example": ["v=spf1 ip4:300.1.2.3 -all"]}, "not a network"),
        ({"mag.example": ["v=spf1 ipv4:192.0.2.1 -all"]}, "not understood"),
        ({"mag.example": ["v=spf1 include:mag.example -all"]}, "more than 10 look-ups"),
        ({"mag.example": ["v=spf1 a:one.example a:two.example a:three.example"]}, "lead nowhere"),
    ],
)
def test_a_record_that_cannot_count_is_said_to(records: Mapping[str, list[str]], why: str):
    with pytest.raises(Broken, match=why):
        check_host(Said(records), "mag.example", HERE)


# -- DMARC: the walk (RFC 9989, 4.10) -------------------------------------------------------------


def test_a_walk_asks_for_every_parent_down_to_one_label():
    assert list(steps("news.mag.example")) == ["news.mag.example", "mag.example", "example"]


def test_a_long_name_is_asked_for_eight_times_and_no_more():
    asked = list(steps("a.b.c.d.e.f.g.h.i.j.mail.example.com"))
    assert asked[:2] == ["a.b.c.d.e.f.g.h.i.j.mail.example.com", "g.h.i.j.mail.example.com"]
    assert (len(asked), asked[-1]) == (8, "com")


@pytest.mark.parametrize(
    ("records", "domain", "is_of"),
    [
        ({"_dmarc.mag.example": "v=DMARC1; p=none"}, "news.mag.example", "mag.example"),
        # The one with the fewest labels, of those that have a record.
        (
            {"_dmarc.mag.example": "v=DMARC1", "_dmarc.news.mag.example": "v=DMARC1; p=reject"},
            "news.mag.example",
            "mag.example",
        ),
        ({"_dmarc.news.mag.example": "v=DMARC1; psd=n"}, "a.news.mag.example", "news.mag.example"),
        # Below a public suffix each name is an organization of its own.
        ({"_dmarc.co.example": "v=DMARC1; psd=y"}, "news.mag.co.example", "mag.co.example"),
        # A walk ends at a record that says where it stands.
        (
            {"_dmarc.co.example": "v=DMARC1; psd=y", "_dmarc.example": "v=DMARC1; p=none"},
            "co.example",
            "co.example",
        ),
        ({}, "news.mag.example", "news.mag.example"),
    ],
)
def test_the_organization_is_found_in_the_dns_alone(
    records: Mapping[str, str], domain: str, is_of: str
):
    zone = Said({name: [record] for name, record in records.items()})
    assert organization(zone, domain) == is_of


def test_two_records_are_none():
    zone = Said({"_dmarc.mag.example": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]})
    assert policy_for(zone, "mag.example") is None
    said = [f.sentence for f in examine(zone, Sender(author="mag.example", envelope="mag.example"))]
    assert any("2 DMARC records, so none counts" in one for one in said)


def test_subdomains_take_the_policy_for_subdomains():
    zone = Said({"_dmarc.mag.example": ["v=DMARC1; p=none; sp=reject; rua=mailto:d@mag.example"]})
    sender = Sender(author="news.mag.example", envelope="news.mag.example")
    said = [f.sentence for f in examine(zone, sender) if f.about == "DMARC"]
    assert said == [
        "The policy for news.mag.example is reject. It stands at mag.example and holds below it."
    ]


def test_alignment_is_relaxed_unless_the_record_says_strict():
    zone = Said({"_dmarc.mag.example": ["v=DMARC1"]})
    assert is_aligned(zone, "mag.example", "bounce.mag.example", "r")
    assert not is_aligned(zone, "mag.example", "bounce.mag.example", "s")
    assert not is_aligned(zone, "mag.example", "relay.example", "r")


def test_tags_are_read_however_they_are_spaced():
    assert tags_of("v=DMARC1;P = reject ; rua=mailto:a@b?x=1;junk;") == {
        "v": "DMARC1",
        "p": "reject",
        "rua": "mailto:a@b?x=1",
    }


# -- the whole ------------------------------------------------------------------------------------

KEY = Key(domain="mag.example", selector="standfirst", public="MIIB")
WELL = {
    "mag.example": ["some-other=record", f"v=spf1 ip4:{HERE} -all"],
    "standfirst._domainkey.mag.example": ["v=DKIM1; k=rsa; p=MI IB"],
    "_dmarc.mag.example": ["v=DMARC1; p=reject; rua=mailto:dmarc@mag.example"],
}
SENDER = Sender(author="mag.example", envelope="mag.example", key=KEY, addresses=[HERE])


def test_where_all_is_well_every_finding_is_good():
    found = list(examine(Said(WELL), SENDER))
    assert {one.level for one in found} == {Level.GOOD}
    assert {one.about for one in found} == {"SPF", "DKIM", "DMARC", "Alignment"}


@pytest.mark.parametrize(
    ("changed", "about", "sentence", "record"),
    [
        ({"mag.example": []}, "SPF", "has no SPF record", f"v=spf1 ip4:{HERE} -all"),
        (
            {"mag.example": ["v=spf1 mx -all"]},
            "SPF",
            f"leaves from {HERE}, which may not send",
            f"v=spf1 ip4:{HERE} mx -all",
        ),
        ({"mag.example": ["v=spf1 +all"]}, "SPF", "lets everybody send", ""),
        ({"_dmarc.mag.example": []}, "DMARC", "No DMARC record holds", "v=DMARC1; p=none; rua="),
        ({"_dmarc.mag.example": ["v=DMARC1; p=refuse"]}, "DMARC", "which is no policy", ""),
        (
            {"standfirst._domainkey.mag.example": []},
            "DKIM",
            "is not published",
            "v=DKIM1; k=rsa; p=MIIB",
        ),
        (
            {"standfirst._domainkey.mag.example": ["v=DKIM1; p=OLD"]},
            "DKIM",
            "is not the one that signs",
            "p=MIIB",
        ),
        ({"standfirst._domainkey.mag.example": ["p="]}, "DKIM", "was withdrawn", "p=MIIB"),
    ],
)
def test_what_is_wrong_is_named_with_the_record_to_publish(
    changed: Mapping[str, list[str]], about: str, sentence: str, record: str
):
    found = [one for one in examine(Said({**WELL, **changed}), SENDER) if one.level is Level.BAD]
    assert [one.about for one in found] == [about]
    assert sentence in found[0].sentence
    assert record in found[0].record


def test_a_term_that_only_a_receiver_can_work_out_is_not_taken_for_a_no():
    for term in ("include:%{i}._spf.mag.example", "exists:%{i}.list.example", "ptr"):
        zone = Said({**WELL, "mag.example": [f"v=spf1 {term} -all"]})
        (said,) = [one for one in examine(zone, SENDER) if one.about == "SPF"]
        assert said.level is Level.ADVICE
        assert said.sentence == (
            f"Whether {HERE} may send for mag.example depends on “{term}”, which only a receiver "
            "works out. Look at a letter that arrived: Received-SPF or Authentication-Results "
            "should say spf=pass."
        )


def test_a_name_that_ends_in_all_says_nothing_of_everybody_else():
    record = f"v=spf1 ip4:{HERE} a:firewall"
    found = [one.sentence for one in examine(Said({**WELL, "mag.example": [record]}), SENDER)]
    assert any("says nothing of everybody else" in one for one in found)


@pytest.mark.parametrize(
    ("kind", "bits", "record", "level", "sentence"),
    [
        ("rsa", 1024, "p=MIIB", Level.ADVICE, "has 1024 bits. Make one of 2048"),
        ("rsa", 2048, "p=MIIB", Level.GOOD, ""),
        ("ed25519", 0, "k=ed25519; p=MIIB", Level.BAD, "Gmail and others do not read"),
        ("rsa", 2048, "h=sha1; p=MIIB", Level.BAD, "h=sha1"),
        ("rsa", 2048, "h=sha1:sha256; p=MIIB", Level.GOOD, ""),
        ("rsa", 2048, "s=tlsrpt; p=MIIB", Level.BAD, "s=tlsrpt"),
        ("rsa", 2048, "s=email:x; p=MIIB", Level.GOOD, ""),
        ("rsa", 2048, "v=DKIM2; p=MIIB", Level.BAD, "v=DKIM2"),
    ],
)
def test_a_key_that_is_published_but_not_believed_is_said(
    kind: str, bits: int, record: str, level: Level, sentence: str
):
    key = Key(domain="mag.example", selector="standfirst", public="MIIB", kind=kind, bits=bits)
    zone = Said({**WELL, "standfirst._domainkey.mag.example": [record]})
    sender = Sender(author="mag.example", envelope="mag.example", key=key, addresses=[HERE])
    found = [one for one in examine(zone, sender) if one.about == "DKIM"]
    worst = max(found, key=lambda one: ["good", "advice", "bad"].index(one.level))
    assert worst.level is level
    assert sentence in worst.sentence


def test_reports_that_nobody_takes_are_said():
    record = "v=DMARC1; p=reject; rua=mailto:a@mag.example,mailto:b@reports.example!10m"
    said = {**WELL, "_dmarc.mag.example": [record]}
    (found,) = [one for one in examine(Said(said), SENDER) if one.level is Level.ADVICE]
    assert found.sentence.startswith("reports.example does not say that it takes reports")
    assert (found.name, found.record) == (
        "mag.example._report._dmarc.reports.example",
        "v=DMARC1",
    )
    taken = Said({**said, found.name: ["v=DMARC1;"]})
    assert not [one for one in examine(taken, SENDER) if one.level is Level.ADVICE]


def test_a_record_without_a_policy_is_said():
    said = {**WELL, "_dmarc.mag.example": ["v=DMARC1; rua=mailto:a@mag.example"]}
    sentences = [one.sentence for one in examine(Said(said), SENDER) if one.about == "DMARC"]
    assert any("has no p" in one for one in sentences)


def test_a_foreign_signature_and_foreign_bounces_count_for_nothing():
    sender = Sender(
        author="mag.example",
        envelope="relay.example",
        key=Key(domain="relay.example", selector="s", public="MIIB"),
    )
    found = [one for one in examine(Said(WELL), sender) if one.about == "Alignment"]
    assert [one.level for one in found] == [Level.BAD, Level.BAD]


def test_what_is_removed_by_the_new_rfc_is_said_to_mean_nothing():
    record = "v=DMARC1; p=quarantine; pct=50; rua=mailto:a@mag.example"
    found = examine(Said({**WELL, "_dmarc.mag.example": [record]}), SENDER)
    assert any("pct in _dmarc.mag.example means nothing any more" in one.sentence for one in found)


def test_a_dns_that_is_silent_about_one_part_does_not_hide_the_others():
    sender = Sender(author="mag.example", envelope="silent.example", key=KEY)
    found = list(examine(Said(WELL), sender))
    assert found[0].sentence.startswith("Not known: no server answered")
    assert {one.about for one in found} == {"SPF", "DKIM", "DMARC", "Alignment"}


def test_a_relay_on_this_machine_or_network_does_not_tell_the_address_seen_outside():
    zone = Said(addresses={"relay.example": ["8.8.4.4", "10.0.0.5"]})
    assert public_addresses(zone, "127.0.0.1") == []
    assert public_addresses(zone, "localhost") == []
    assert public_addresses(zone, "relay.example") == ["8.8.4.4"]
