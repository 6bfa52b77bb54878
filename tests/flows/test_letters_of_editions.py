"""What readers find in a letter: all that is theirs, nothing that is not, in every mail program."""

import email.policy
import re
from collections.abc import Sequence
from datetime import date
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import override_settings

from standfirst.access.models import Unlock
from standfirst.access.rules import Terms, UnlockKind
from standfirst.articles.models import Article, Author, Topic
from standfirst.newsletters import letters
from standfirst.newsletters.actions.editions import begin_sending
from standfirst.newsletters.delivery.message import Head, compile_letter
from standfirst.newsletters.letters import Source
from standfirst.newsletters.letters.source import CLIPPED_AT, HEADERS
from standfirst.newsletters.links import token_for
from standfirst.newsletters.models import (
    Counted,
    Delivery,
    Edition,
    EditionArticle,
    EditionIndex,
    MailSettings,
    Newsletter,
    Sending,
)
from standfirst.newsletters.slots import WORD
from standfirst.publication.queries import the_publication
from tests.cast import make_picture
from tests.conftest import Browser
from tests.flows.test_safe_methods import contents
from tests.making import SECRET, at, make_article, make_magazine, make_member, make_section

pytestmark = pytest.mark.django_db

NOW = at("2026-11-27T07:00")
KEPT_BACK = "OURTAKE"  # in all that readers with a preview must not get
TAKE = [
    (
        "item",
        {
            "headline": "The strait reopens",
            "text": f'<p>{KEPT_BACK} of it & <b>why</b>: <a href="/topics/">topics</a>.</p>',
            "source_name": "Notice & note",
            "source_url": "https://source.example/?a=1&b=2",
        },
    ),
    (
        "item",
        {"headline": "A second thing", "text": f"<p>{KEPT_BACK} too.</p>", "source_url": ""},
    ),
]
RADAR = [("item", {"day": date(2026, 12, 2), "text": f"<p>{KEPT_BACK}: a vote.</p>"})]
ARABIC = "حروب الماء تبدأ بالأرقام"


@pytest.fixture(autouse=True)
def _magazine() -> None:
    make_magazine(
        name="The Meridian",
        time_zone="Europe/Vienna",
        imprint="Meridian GmbH\n1020 Wien",
        contact="post@example.org",
    )


def make_edition(
    articles: Sequence[Article] = (), terms: Terms = Terms.MEMBERS, **fields: Any
) -> Edition:
    """A whole edition of 27 November 2026, of a newsletter that asks `terms` of its readers."""
    name = "The Daily Review" if terms is Terms.MEMBERS else f"The Daily Review ({terms})"
    newsletter, _ = Newsletter.objects.get_or_create(
        slug=f"for-{terms}", defaults={"name": name, "terms": terms.value}
    )
    front = make_magazine().get_parent()
    index = EditionIndex.objects.first() or front.add_child(
        instance=EditionIndex(title="Editions", slug="editions")
    )
    fields = {"take": TAKE, "radar": RADAR, "subject": "The strait reopens", **fields}
    edition = Edition(
        title="The Daily Review",
        slug=f"today-{terms}",
        newsletter=newsletter,
        day=date(2026, 11, 27),
    )
    edition.more = f'<p>{KEPT_BACK}: <a href="https://seat.example/">a seat</a></p>'
    edition.latest = [EditionArticle(article=article) for article in articles]
    for name, value in fields.items():
        setattr(edition, name, value)
    index.add_child(instance=edition)
    return edition


def both(letter: Source) -> str:
    return letter.html + letter.text


class Elements(HTMLParser):
    """Every element of a letter with its attributes, and the text of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.found if name == tag]


# -- who gets what -----------------------------------------------------------------------------


def test_subscribers_get_all_and_members_of_a_subscribers_newsletter_the_headlines() -> None:
    found = letters.compose(make_edition([make_article("Salt Roads")], Terms.SUBSCRIBERS), NOW)
    assert set(found) == {"subscriber", "member"}
    for part in found["subscriber"][1:]:
        assert part.count(KEPT_BACK) == 4
        assert "All-Access" not in part
    assert KEPT_BACK not in "".join(found["member"])
    assert "seat.example" not in both(found["member"])
    for part in found["member"][1:]:
        for words in ("The strait reopens", "A second thing", "Salt Roads", "/all-access/"):
            assert words in part
        assert "What we make of it is part of" in part


def test_members_get_all_of_a_members_newsletter_and_how_many_choices_are_left() -> None:
    found = letters.compose(make_edition([make_article()]), NOW)
    for letter in found.values():
        for part in letter[1:]:
            assert part.count(KEPT_BACK) == 4
    for part in found["member"][1:]:
        assert "zq0choices0qz" in part
        assert "Every month brings three new ones." in part
        assert "/all-access/" in part
    assert "choices" not in both(found["subscriber"])


@pytest.mark.parametrize("terms", list(Terms))
def test_no_letter_holds_anything_of_an_article_but_headline_and_standfirst(terms: Terms) -> None:
    article = make_article("Salt Roads", terms=terms, standfirst="It begins at the coast.")
    edition = make_edition([article])
    member = make_member()
    for letter in (
        *letters.compose(edition, NOW).values(),
        letters.compose_alert(article, Author.objects.get()),
        letters.compose_choices(the_publication(), date(2026, 12, 1)),
        letters.compose_welcome(member, edition),
    ):
        assert SECRET not in "".join(letter)
        assert "The harbour was quiet" not in both(letter)  # nor its preview


def test_members_are_told_which_articles_are_free_and_which_need_all_access() -> None:
    articles = [make_article(terms=terms) for terms in (Terms.OPEN, Terms.SUBSCRIBERS)]
    articles.append(make_article(terms=Terms.METERED))
    found = letters.compose(make_edition(articles), NOW)
    assert found["member"].text.count("· Free to read") == 1
    assert found["member"].text.count("· All-Access") == 1
    assert "Free to read" not in both(found["subscriber"])


def test_articles_stand_in_the_editors_order_without_those_that_are_not_published() -> None:
    last, first = make_article("Older"), make_article("Newer")
    hidden = make_article("Withdrawn", live=False)
    text = letters.compose(make_edition([first, hidden, last]), NOW)["member"].text
    assert text.index("Newer") < text.index("Older")
    assert "Withdrawn" not in text


def test_where_the_magazine_gives_no_choices_no_letter_speaks_of_any() -> None:
    make_magazine(allowance=0)
    letter = letters.compose(make_edition(), NOW)["member"]
    assert "zq0choices0qz" not in both(letter)
    assert "/all-access/" in letter.html


# -- the slots ---------------------------------------------------------------------------------


def slots_in(text: str) -> set[str]:
    return {match[1] for match in WORD.finditer(text)}


def test_each_part_has_exactly_the_slots_it_needs() -> None:
    edition, always = make_edition(), {"greeting", "address", "preferences", "unsubscribe"}
    found = letters.compose(edition, NOW)
    alert = letters.compose_alert(make_article(), Author.objects.get())
    welcome = letters.compose_welcome(make_member(), edition)
    for letter in (found["subscriber"], alert, welcome):
        assert [slots_in(part) for part in letter] == [set(), always, always]
    choices = letters.compose_choices(the_publication(), date(2026, 12, 1))
    for letter in (found["member"], choices):
        assert [slots_in(part) - always for part in letter] == [set(), {"choices"}, {"choices"}]
        assert slots_in(letter.html) > always


def test_the_word_of_a_slot_that_an_editor_wrote_never_becomes_one() -> None:
    word = "zq0unsubscribe0qz"
    clean = letters.compose(make_edition(), NOW)["subscriber"]
    Edition.objects.all().delete()
    make_magazine(name=f"M {word}", imprint=word, tagline=word)
    item = {
        "headline": f"{word} zq&#48;unsubscribe0qz",
        "text": f"<p>{word} zq0<b>unsubscribe</b>0qz zq&#48;unsubscribe0qz "
        f'<a href="https://x.example/{word}?{word}">{word}</a></p>',
        "source_name": word,
        "source_url": f"https://x.example/{word}",
    }
    article = make_article(word, standfirst=word, section=make_section(word))
    letter = letters.compose(
        make_edition([article], take=[("item", item)], subject=f"A {word}"), NOW
    )["subscriber"]
    for part, before in zip(letter, clean, strict=True):
        assert part.count(word) == before.count(word)


# -- hostile content ---------------------------------------------------------------------------


def test_what_people_write_is_never_taken_for_mark_up_or_a_header() -> None:
    evil = '<script>alert(1)</script> & "it\'s" ]]> {{ slots }} \x01\x0b\r\nBcc: x@y.example 😀'
    author, _ = Author.objects.get_or_create(name=evil[:80], defaults={"slug": "evil"})
    make_magazine(name=evil[:80], imprint=evil.replace("\n", " "), tagline=evil)
    article = make_article(evil, standfirst=evil, section=make_section(evil[:60]))
    article.bylines = [article.bylines.model(author=author)]
    article.save()
    item = {"headline": evil, "text": f"<p>{evil}</p>", "source_name": evil, "source_url": ""}
    edition = make_edition([article], take=[("item", item)], subject=evil, more=evil)
    for letter in (
        *letters.compose(edition, NOW).values(),
        letters.compose_alert(article, author),
        letters.compose_welcome(make_member(name=evil[:100]), edition),
    ):
        elements = Elements(letter.html)
        assert not elements.all("script")
        assert "\n" not in letter.subject
        assert "\r" not in "".join(letter)
        assert "{{ slots }}" in letter.html
        assert "😀" in letter.text
        assert not re.search(r"^Bcc:", letter.text, re.MULTILINE)


def test_an_arabic_headline_keeps_its_direction_and_an_arabic_magazine_turns_the_letter() -> None:
    article = make_article(ARABIC, standfirst=ARABIC)
    html = letters.compose(make_edition([article]), NOW)["member"].html
    assert '<html lang="en" dir="ltr"' in html
    assert re.search(rf'<h3[^>]* dir="auto"[^>]*><a [^>]*>{ARABIC}</a></h3>', html)
    make_magazine(language="ar")
    turned = letters.compose_alert(article, Author.objects.get()).html
    assert '<html lang="ar" dir="rtl"' in turned
    assert "direction:rtl" in turned
    assert "text-align:right" in turned
    assert "direction:ltr" not in turned


def test_a_subject_is_one_line_that_the_ledger_can_keep() -> None:
    author = Author(name="A" * 255, slug="a")
    alert = letters.compose_alert(make_article("Words " * 40), author)
    assert len(alert.subject) <= 200
    assert alert.subject.endswith("…")


# -- for every mail program --------------------------------------------------------------------


def test_every_address_is_whole_and_nothing_is_fetched_but_the_photo() -> None:
    photo = make_article("With a photo", hero=make_picture(), hero_alt="A “red” field & more")
    other = make_article("Without", hero=make_picture(), hero_alt="Not shown")
    edition = make_edition([photo, other])
    for letter in (
        *letters.compose(edition, NOW).values(),
        letters.compose_alert(photo, Author.objects.get()),
        letters.compose_welcome(make_member(), edition),
    ):
        elements = Elements(letter.html)
        for link in elements.all("a"):
            if not WORD.fullmatch(link["href"]):
                assert urlsplit(link["href"]).scheme in {"http", "https", "mailto"}
        for picture in elements.all("img"):
            assert picture["src"].startswith(f"{settings.WAGTAILADMIN_BASE_URL}/media/images/")
            assert (picture["width"], picture["height"]) == ("552", "310")
            assert picture["alt"] == "A “red” field & more"
        for tag in ("link", "script", "iframe", "form", "base", "object"):
            assert not elements.all(tag)
        for fetched in ("url(", "@import", "@font-face", "background=", "srcset"):
            assert fetched not in letter.html
        for address in re.findall(r"^\s*(?:https?|/)\S*$", letter.text, re.MULTILINE):
            assert urlsplit(address).netloc
    assert len(Elements(letters.compose(edition, NOW)["member"].html).all("img")) == 1


def test_a_photo_whose_file_is_gone_is_left_out() -> None:
    picture = make_picture()
    picture.file.delete(save=False)
    letter = letters.compose(make_edition([make_article("Salt", hero=picture)]), NOW)["member"]
    assert not Elements(letter.html).all("img")
    assert "Salt" in letter.html


def test_a_letter_is_made_of_what_mail_programs_know() -> None:
    html = letters.compose(make_edition([make_article()], Terms.SUBSCRIBERS), NOW)["member"].html
    css = " ".join(re.findall(r'style="([^"]*)"|<style[^>]*>(.*?)</style>', html, re.DOTALL)[0])
    for unknown in ("display:flex", "display:grid", "var(--", "position:", "float:", "rem;"):
        assert unknown not in html.replace(": ", ":")
    assert css
    # Dark, three ways: by the standard, and by what Outlook.com makes of a letter.
    assert "@media (prefers-color-scheme: dark)" in html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "[data-ogsc]" in html
    assert "[data-ogsb]" in html
    # For Outlook on Windows: tables of a set width, and a face that it knows.
    assert "<!--[if mso | IE]><table" in html
    assert 'width="600"' in html
    assert "font-family: Georgia, serif !important" in html
    for table in Elements(re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL)).all("table"):
        assert table["role"] == "presentation"
    # Outlook takes these widths: none is wider than what its margins leave.
    assert set(re.findall(r"<td style=.vertical-align:top;width:(\d+)px", html)) == {"552"}
    assert max(map(len, re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL))) < 8192


def test_the_accent_is_the_publishers() -> None:
    mail = MailSettings.load()
    mail.accent = "#0b5c3e"
    mail.save()
    html = letters.compose(make_edition(), NOW)["member"].html
    assert "#0b5c3e" in html
    assert "#8a2432" not in html


def test_the_beginning_that_programs_show_beside_the_subject_is_the_next_headlines() -> None:
    letter = letters.compose(make_edition([make_article("Salt Roads")]), NOW)["member"]
    hidden = re.search(r'<div style="display:none[^>]*>([^<]*)', letter.html)
    assert hidden
    assert hidden[1].startswith("A second thing · Salt Roads")


def test_the_plain_text_is_a_letter_of_its_own() -> None:
    text = letters.compose(make_edition([make_article("Salt Roads")]), NOW)["subscriber"].text
    assert text.startswith("THE MERIDIAN\nThe Daily Review\nFriday, 27 November 2026\n")
    assert max(map(len, text.splitlines())) <= 72
    assert "<" not in text
    assert "&amp;" not in text
    assert f"{KEPT_BACK} of it & why: topics.\n{settings.WAGTAILADMIN_BASE_URL}/topics/" in text
    assert "Notice & note:\nhttps://source.example/?a=1&b=2\n" in text
    assert f"2 December\n{KEPT_BACK}: a vote." in text
    assert "\n\n\n" not in text
    assert "Unsubscribe:\nzq0unsubscribe0qz\n" in text
    assert text.endswith("The Meridian\nMeridian GmbH\n1020 Wien\npost@example.org\n")


# -- how long it may be ------------------------------------------------------------------------


def many(number: int, words: int) -> list[Article]:
    return [make_article(f"Article {n}", standfirst="word " * words) for n in range(number)]


def test_a_letter_that_would_be_clipped_loses_its_last_articles_and_its_editor_is_told() -> None:
    edition = make_edition(many(50, 90))
    found = letters.composed(edition, NOW)
    for letter in found.letters.values():
        assert len(sent_to_the_longest(letter)) < CLIPPED_AT
        for part in letter[1:]:
            assert "Article 0" in part
            assert "All of it on the web" in part
            assert part.count(KEPT_BACK) == 4
    assert set(found.notes) == {"subscriber", "member"}
    for note in found.notes.values():
        assert "longer than mail programs show: the last articles stand" in note
        assert note in letters.preview(edition, "member")
        assert letters.preview(edition, "member", "text").startswith(f"[{note}]\n")
    fitting = letters.composed(make_edition([make_article()], Terms.OPEN), NOW)
    assert fitting.notes == {}
    assert "All of it on the web" not in both(fitting.letters["member"])


def test_a_take_of_any_length_is_cut_where_it_no_longer_fits() -> None:
    long = "".join(f"<p>{n} {ARABIC * 40}</p>" for n in range(60))
    item = {"headline": "Long", "text": long, "source_name": "", "source_url": ""}
    found = letters.composed(make_edition(take=[("item", item)] * 2), NOW)
    for letter in found.letters.values():
        assert len(sent_to_the_longest(letter)) < CLIPPED_AT
        assert "All of it on the web" in letter.html


def sent_to_the_longest(letter: Source) -> bytes:
    """The finished message to a reader whose name and address are as long as they may be."""
    page = f"{settings.WAGTAILADMIN_BASE_URL}/mail/{token_for(2**63 - 1, 2**63 - 1)}/"
    name, address = "ا" * 120, f"{'a' * 64}@{'b' * 185}.org"
    values = {"preferences": page, "unsubscribe": f"{page}off/", "links": f"{page}to/"}
    values |= {"greeting": f"Good morning, {name}", "address": address, "choices": "Two. " * 20}
    head = Head(address="desk@example.org", list_name="The Daily Review", list_host="d.example.org")
    date = "Fri, 27 Nov 2026 06:00:00 +0100"
    compiled = compile_letter(*letter, head)
    return compiled.body_for(values, name, address, "<1.x@magazine.example>", date)


def linked(number: int) -> list[tuple[str, dict[str, Any]]]:
    """A take of many short links, which become long ones where they are counted."""
    links = "".join(f'<p><a href="https://a.example/{n}">{n}</a></p>' for n in range(number))
    return [("item", {"headline": "Links", "text": links, "source_name": "", "source_url": ""})]


@override_settings(WAGTAILADMIN_BASE_URL="https://the-review.of-a-long-name.example.org")
def test_a_letter_is_measured_with_the_counted_links_that_it_is_sent_with() -> None:
    edition = make_edition(take=linked(190))
    plain = letters.composed(edition, NOW)
    assert not plain.notes  # it fits as it is
    ask_for(counted_links=True, open_pixel=True)
    found, _ = letters.compose_to_send(edition, NOW)
    for letter in found.values():
        assert len(sent_to_the_longest(letter)) < CLIPPED_AT
        assert "All of it on the web" in letter.html
    told = letters.composed(edition, NOW)  # what the preview tells the editor
    assert set(told.notes) == {"subscriber", "member"}


# -- single letters ----------------------------------------------------------------------------


def test_new_choices_are_counted_and_what_they_open_is_shown() -> None:
    make_article("Free", terms=Terms.OPEN)
    make_article("Salt Roads", standfirst="It begins at the coast.")
    letter = letters.compose_choices(the_publication(), date(2026, 12, 1))
    assert letter.subject == "Three new choices"
    for part in letter[1:]:
        assert "Salt Roads" in part
        assert "Free" not in part
    make_magazine(allowance=1)
    letter = letters.compose_choices(the_publication(), date(2026, 12, 1))
    assert letter.subject == "One new choice"
    assert "One new choice for December" in letter.html


def test_an_alert_says_what_was_followed() -> None:
    article = make_article("Salt Roads", standfirst="It begins at the coast.")
    ports = Topic.objects.create(name="Ports", slug="ports")
    letter = letters.compose_alert(article, ports)
    assert letter.subject == "New on Ports: Salt Roads"
    for part in letter[1:]:
        assert "because you follow Ports" in " ".join(part.split())
        assert article.get_absolute_url() in part
        assert "It begins at the coast." in part
    assert letters.compose_alert(article, Author.objects.get()).subject.startswith("New by Ada")


def test_a_welcome_says_what_is_open_already_and_what_the_account_brings() -> None:
    member, article = make_member(), make_article("Salt Roads")
    kind, headline = UnlockKind.WELCOME.value, article.title
    Unlock.objects.create(
        member=member, article=article, headline=headline, kind=kind, unlocked_at=NOW
    )
    edition = make_edition([make_article("The Lamp")], Terms.SUBSCRIBERS)
    letter = letters.compose_welcome(member, edition)
    assert letter.subject == "Welcome to The Meridian"
    for part in letter[1:]:
        for words in ("Salt Roads", "Three articles of your own choice", "The strait reopens"):
            assert words in part
        assert "The Lamp" in part
    assert KEPT_BACK not in both(letter)
    assert "The strait" not in both(letters.compose_welcome(member, None))


# -- as its editor looks at it -----------------------------------------------------------------


def test_a_preview_is_the_letter_of_a_sample_reader_whose_links_change_nothing() -> None:
    edition = make_edition([make_article()])
    html = letters.preview(edition, "member")
    assert not WORD.search(html)
    assert "Ada" in html
    assert "Two of your three choices are left" in html
    assert "prefers-color-scheme: dark" in html
    dark = letters.preview(edition, "member", look="dark")
    assert "prefers-color-scheme" not in dark
    assert "@media all" in dark
    text = letters.preview(edition, "subscriber", "text")
    assert "ada@example.org" in text
    front = f"{settings.WAGTAILADMIN_BASE_URL}/"
    assert f"Unsubscribe:\n{front}\n" in text
    with pytest.raises(KeyError):
        letters.preview(edition, "nobody")


def test_a_test_to_oneself_has_ones_own_name_and_choices() -> None:
    member = make_member("eve@example.org", name="Eve <i>")
    letter = letters.filled(
        letters.compose(make_edition(), NOW)["member"], letters.test_values(member)
    )
    assert not WORD.search("".join(letter))
    assert "Eve &lt;i&gt;" in letter.html
    assert "eve@example.org" in letter.text
    assert "All your three choices are left" in letter.text


def test_an_edition_that_is_not_saved_yet_can_be_looked_at() -> None:
    newsletter = Newsletter.objects.create(name="The Week", slug="week")
    edition = Edition(title="New", newsletter=newsletter, day=date(2026, 11, 27))
    html = letters.preview(edition, "member")
    assert "The Week" in html


# -- counting, where the publisher asks for it ----------------------------------------------------


def ask_for(**asked: bool) -> None:
    mail = MailSettings.load()
    for name, value in asked.items():
        setattr(mail, name, value)
    mail.save()


def test_nothing_is_counted_unless_the_publisher_asks_for_it() -> None:
    edition = make_edition([make_article()])
    found, numbers = letters.compose_to_send(edition, NOW)
    assert found == letters.compose(edition, NOW)
    assert numbers == {}


def test_counted_links_go_by_our_own_page_and_slots_and_the_plain_text_stay() -> None:
    edition, base = make_edition([make_article("Salt Roads")]), settings.WAGTAILADMIN_BASE_URL
    plain = letters.compose(edition, NOW)
    ask_for(counted_links=True, open_pixel=True)
    found, numbers = letters.compose_to_send(edition, NOW)
    assert "https://source.example/?a=1&b=2" in numbers.values()
    assert numbers.pop(0) == ""
    for variant, letter in found.items():
        assert letter.text == plain[variant].text
        went = [link["href"] for link in Elements(plain[variant].html).all("a")]
        goes = [link["href"] for link in Elements(letter.html).all("a")]
        assert len(goes) == len(went)
        for before, after in zip(went, goes, strict=True):
            number = re.fullmatch(r"zq0links0qz(\d+)/", after)
            assert before == (numbers[int(number[1])] if number else after)
            assert bool(number) == before.startswith("http")
        assert Elements(letter.html).all("img")[-1]["src"] == "zq0links0qz0/"
    assert all(address.startswith((base, "https://")) for address in numbers.values())
    assert "zq0links0qz" not in letters.preview(edition, "member")
    assert f'href="{base}/' in letters.preview(edition, "member")


def test_a_counted_link_leads_where_its_letter_led_and_nowhere_else(browser: Browser) -> None:
    address = "https://source.example/?a=1&b=2"
    one, other = (
        Sending.objects.create(key=key, kind="edition", consent="x", sender="a@example.org")
        for key in ("one", "other")
    )
    Counted.objects.create(sending=one, number=1, address=address)
    Counted.objects.create(sending=one, number=0)

    def at_link(sending: Sending, number: object) -> str:
        token = token_for(make_member().pk, sending.pk << Delivery.NUMBERS | 7)
        return f"/mail/{token}/to/{number}/"

    link = at_link(one, 1)
    assert browser.head(link).status_code == 302
    for header in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"):
        for said in ("prefetch", "prefetch;prerender", "Preview"):
            assert browser.get(link, headers={header: said})["Location"] == address
    assert Counted.objects.get(number=1).times == 0
    for number in (1, 2):
        answer = browser.get(f"{link}?next=https://evil.example/")
        assert answer["Location"] == address
        assert answer["Referrer-Policy"] == "no-referrer"
        assert Counted.objects.get(number=1).times == number
    assert not answer.cookies
    pixel = browser.get(at_link(one, 0))
    assert pixel["Content-Type"] == "image/gif"
    assert Counted.objects.get(number=0).times == 1
    forged = link.replace("/mail/", "/mail/A")
    unnamed = f"/mail/{token_for(make_member().pk)}/to/1/"
    for nowhere in (at_link(other, 1), at_link(one, 2), at_link(one, 99999999), forged, unnamed):
        assert browser.get(nowhere).status_code == 404
    assert browser.post(link).status_code == 405


def test_a_sending_keeps_what_its_links_led_to() -> None:
    ask_for(counted_links=True)
    edition = make_edition([make_article()])
    sending = begin_sending(edition, None, NOW)
    _, numbers = letters.compose_to_send(edition, NOW)
    kept = dict(sending.counted.values_list("number", "address"))
    assert kept == numbers
    assert all("zq0links0qz" in letter.html for letter in sending.letters.all())


def test_letters_travel_whole_and_take_about_the_bytes_that_were_reckoned() -> None:
    ask_for(counted_links=True, open_pixel=True)
    found, _ = letters.compose_to_send(make_edition([make_article(ARABIC)]), NOW)
    page = f"{settings.WAGTAILADMIN_BASE_URL}/mail/{token_for(1, 2)}/"
    values = {"preferences": page, "unsubscribe": f"{page}off/", "links": f"{page}to/"}
    values |= {"greeting": "Good day, <Ada>", "address": "ada@example.org", "choices": "Three."}
    for letter in found.values():
        sent = compile_letter(*letter, Head(address="desk@example.org")).body_for(
            values,
            "Ada",
            "ada@example.org",
            "<1.x@magazine.example>",
            "Fri, 27 Nov 2026 06:00:00 +0100",
        )
        meant = letters.filled(letter, values)
        message = email.message_from_bytes(sent, policy=email.policy.default)
        for form, part in (("html", meant.html), ("plain", meant.text)):
            arrived = message.get_body((form,)).get_content().replace("\r\n", "\n")
            assert arrived.strip() == part.strip()
        assert f"{page}to/1/" in meant.html
        reckoned = letters.encoded_size(letter, values)
        assert len(sent) < reckoned < len(sent) + HEADERS + 0.05 * len(sent)


def test_a_link_leads_on_also_where_it_cannot_be_counted(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(link: Counted) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("standfirst.newsletters.counting.count", locked)
    sending = Sending.objects.create(key="one", kind="edition", consent="x", sender="a@example.org")
    Counted.objects.create(sending=sending, number=1, address="https://source.example/")
    token = token_for(make_member().pk, sending.pk << Delivery.NUMBERS | 7)
    assert browser.get(f"/mail/{token}/to/1/")["Location"] == "https://source.example/"


def test_following_a_counted_link_changes_that_number_and_nothing_of_its_reader(
    browser: Browser,
) -> None:
    ada = make_member("ada@example.org")
    sending = Sending.objects.create(key="one", kind="edition", consent="x", sender="a@example.org")
    Counted.objects.create(sending=sending, number=1, address="https://source.example/")
    browser.force_login(ada)
    before = contents()
    browser.get(f"/mail/{token_for(ada.pk, sending.pk << Delivery.NUMBERS | 7)}/to/1/")
    after = contents()
    assert {table for table in before if before[table] != after[table]} == {"newsletters_counted"}
