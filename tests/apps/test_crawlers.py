"""A search engine is believed by its address, never by what it says of itself."""

from collections.abc import Callable, Iterable

import pytest
from django.test import RequestFactory

from standfirst.access.crawlers import Address, verified_crawler
from tests.making import make_magazine

pytestmark = pytest.mark.django_db

GOOGLE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


class Names:
    """A DNS of our own, counting what it is asked."""

    def __init__(self, name: str | None, *addresses: str) -> None:
        self.name, self.addresses, self.asked = name, addresses, 0

    def name_of(self, address: Address) -> str:
        self.asked += 1
        if self.name is None:
            raise OSError("no such host")
        return self.name

    def addresses_of(self, name: str) -> Iterable[str]:
        return self.addresses


def at_once(question: Callable[[], None]) -> None:
    question()


def who(names: Names, address: str = "66.249.66.1", agent: str = GOOGLE) -> str | None:
    request = RequestFactory().get("/", REMOTE_ADDR=address, headers={"User-Agent": agent})
    return verified_crawler(request, resolver=names, ask=at_once)


HONEST = ("crawl-66-249-66-1.googlebot.com", "66.249.66.1")


def test_a_name_that_leads_there_and_back_is_believed() -> None:
    make_magazine(crawlers_read_all=True)
    assert who(Names(*HONEST)) == "Googlebot"


def test_nobody_is_asked_about_unless_the_publication_lets_engines_read() -> None:
    make_magazine(crawlers_read_all=False, crawler_networks="66.249.64.0/19 Googlebot")
    names = Names(*HONEST)
    assert who(names) is None
    assert names.asked == 0


def test_a_reader_costs_no_question() -> None:
    make_magazine(crawlers_read_all=True)
    names = Names(*HONEST)
    assert who(names, agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0") is None
    assert names.asked == 0


@pytest.mark.parametrize(
    "names",
    [
        Names("host.example.net", "66.249.66.1"),
        Names("googlebot.com.example.net", "66.249.66.1"),
        Names("evilgooglebot.com", "66.249.66.1"),
        Names("crawl.googlebot.com", "203.0.113.9"),
        Names("crawl.googlebot.com"),
        Names("crawl.googlebot.com", "nonsense"),
        Names("crawl.search.msn.com", "66.249.66.1"),
        Names(None),
    ],
)
def test_a_claim_that_the_dns_does_not_bear_out_is_a_visitor(names: Names) -> None:
    make_magazine(crawlers_read_all=True)
    assert who(names) is None


def test_answers_are_remembered_the_bad_ones_too() -> None:
    make_magazine(crawlers_read_all=True)
    for names in (Names(*HONEST), Names(None)):
        address = f"66.249.66.{1 if names.name else 2}"
        assert who(names, address) == who(names, address)
        assert names.asked == 1


def test_an_old_answer_holds_while_it_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    make_magazine(crawlers_read_all=True)
    clock = [1_000_000.0]
    monkeypatch.setattr("standfirst.access.crawlers.time.time", lambda: clock[0])
    assert who(Names(*HONEST)) == "Googlebot"
    clock[0] += 2 * 60 * 60
    waiting: list[Callable[[], None]] = []
    request = RequestFactory().get("/", REMOTE_ADDR=HONEST[1], headers={"User-Agent": GOOGLE})
    gone = Names(None)
    assert verified_crawler(request, resolver=gone, ask=waiting.append) == "Googlebot"
    waiting[0]()
    assert verified_crawler(request, resolver=gone, ask=waiting.append) is None


def test_no_request_waits_for_the_dns() -> None:
    make_magazine(crawlers_read_all=True)
    waiting: list[Callable[[], None]] = []
    request = RequestFactory().get("/", REMOTE_ADDR=HONEST[1], headers={"User-Agent": GOOGLE})
    assert verified_crawler(request, resolver=Names(*HONEST), ask=waiting.append) is None
    assert len(waiting) == 1


def test_ipv6_and_mapped_addresses_are_understood() -> None:
    make_magazine(crawlers_read_all=True)
    six = "2001:4860:4801:10::1"
    assert who(Names("crawl.googlebot.com", "2001:4860:4801:0010:0:0:0:1"), six) == "Googlebot"
    assert who(Names(*HONEST), "::ffff:66.249.66.1") == "Googlebot"


def test_a_listed_network_needs_no_dns_and_no_claim() -> None:
    make_magazine(
        crawlers_read_all=True,
        crawler_networks="not a network\n\n198.51.100.0/24 Archive of record\n2001:db8::/32\n",
    )
    names = Names(None)
    assert who(names, "198.51.100.7", "curl/8") == "Archive of record"
    assert who(names, "2001:db8::1", "curl/8") == "listed crawler"
    assert who(names, "198.51.101.7", "curl/8") is None
    assert names.asked == 0


@pytest.mark.parametrize("address", ["", "unix:", "300.1.1.1", "10.0.0.1, 66.249.66.1"])
def test_an_address_that_is_none_is_a_visitor(address: str) -> None:
    make_magazine(crawlers_read_all=True)
    assert who(Names(*HONEST), address) is None
