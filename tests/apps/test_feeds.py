"""Feeds hold previews, for everybody alike."""

from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.utils import timezone
from wagtail.images.models import Image
from wagtail.images.tests.utils import get_test_image_file

from standfirst.access.rules import Terms
from standfirst.articles.models import Region, Topic
from tests.making import SECRET, make_article, make_magazine, make_member, make_section, subscribe

pytestmark = pytest.mark.django_db

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
MEDIA = "{http://search.yahoo.com/mrss/}"


def entries(client: Client, path: str) -> list[ElementTree.Element]:
    response = client.get(path)
    assert response.status_code == 200, path
    root = ElementTree.fromstring(response.content)
    return root.findall(".//item") or root.findall(f"{ATOM}entry")


@pytest.mark.parametrize("terms", list(Terms))
def test_no_feed_holds_the_rest_whatever_the_terms_and_whoever_asks(
    client: Client, terms: Terms
) -> None:
    article = make_article(terms=terms)
    member = make_member()
    subscribe(member)
    visitor = client.get("/feed.xml").content, client.get("/feed.atom").content
    client.force_login(member)
    assert visitor == (client.get("/feed.xml").content, client.get("/feed.atom").content)
    for text in visitor:
        assert SECRET.encode() not in text
        assert b"The harbour was quiet" in text
        assert article.get_absolute_url().encode() in text


def test_every_subject_has_its_feeds(client: Client) -> None:
    topic = Topic.objects.create(name="Grain", slug="grain")
    region = Region.objects.create(name="Danube", slug="danube")
    economy = make_section("Economy")
    here = make_article("Here", section=economy)
    here.topics, here.regions = [topic], [region]
    here.save()
    make_article("There")
    subjects = (economy, topic, region, here.bylines.first().author)
    for subject, count in zip(subjects, (1, 1, 1, 2), strict=True):
        for form in ("feed.xml", "feed.atom"):
            assert len(entries(client, f"{subject.get_absolute_url()}{form}")) == count
    assert client.get("/topic/nothing/feed.xml").status_code == 404


def test_the_kinds_of_content_are_said_right(client: Client) -> None:
    make_article()
    assert client.get("/feed.xml")["Content-Type"] == "application/rss+xml; charset=utf-8"
    assert client.get("/feed.atom")["Content-Type"] == "application/atom+xml; charset=utf-8"


def test_an_entry_names_authors_subjects_and_an_id_that_outlives_the_address(
    client: Client,
) -> None:
    topic = Topic.objects.create(name="Grain", slug="grain")
    article = make_article("A headline")
    article.topics = [topic]
    article.save()
    (rss,) = entries(client, "/feed.xml")
    (atom,) = entries(client, "/feed.atom")
    ids = rss.findtext("guid"), atom.findtext(f"{ATOM}id")
    assert {c.text for c in rss.findall("category")} == {"World", "Grain"}
    assert atom.findtext(f"{ATOM}author/{ATOM}name") == "Ada Sample"
    assert rss.findtext("{http://purl.org/dc/elements/1.1/}creator") == "Ada Sample"
    article.slug, article.published_at = "elsewhere", timezone.now() - timedelta(days=90)
    article.save()
    (rss,), (atom,) = entries(client, "/feed.xml"), entries(client, "/feed.atom")
    assert (rss.findtext("guid"), atom.findtext(f"{ATOM}id")) == ids
    assert rss.findtext("link") == f"http://testserver{article.get_absolute_url()}"


def test_the_photo_comes_as_an_enclosure_with_its_credit(client: Client) -> None:
    make_magazine()
    image = Image.objects.create(title="A quay", file=get_test_image_file(size=(1300, 700)))
    make_article(hero=image, hero_alt="A quay", hero_credit="Sample")
    (rss,) = entries(client, "/feed.xml")
    assert rss.find("enclosure").get("url").startswith("http://testserver/media/")
    assert int(rss.find("enclosure").get("length")) > 0
    assert rss.findtext(f"{MEDIA}content/{MEDIA}credit") == "Sample"


def test_a_lost_photo_does_not_take_the_feed_with_it(client: Client) -> None:
    make_magazine()
    image = Image.objects.create(title="Gone", file=get_test_image_file())
    image.file.storage.delete(image.file.name)
    make_article(hero=image, hero_alt="Gone")
    assert len(entries(client, "/feed.xml")) == 1


def test_thirty_are_enough(client: Client, django_assert_max_num_queries: object) -> None:
    for _ in range(33):
        make_article()
    client.get("/feed.xml")
    with django_assert_max_num_queries(20):  # type: ignore[operator]
        assert len(entries(client, "/feed.xml")) == 30


def test_what_xml_cannot_hold_is_left_out(client: Client) -> None:
    make_article("A bell \x07 and a nul-like \x01", standfirst="￿ \x0b ok <b>& “quoted”")
    for path in ("/feed.xml", "/feed.atom", "/sitemap-news.xml"):
        ElementTree.fromstring(client.get(path).content)


def test_links_in_the_text_lead_home_from_anywhere(client: Client) -> None:
    make_article(
        body=[
            ("paragraph", '<p>See <a href="/all-access/">this</a>.</p>'),
            ("paragraph", "<p>The rest.</p>"),
        ]
    )
    (rss,) = entries(client, "/feed.xml")
    assert 'href="http://testserver/all-access/"' in rss.findtext(CONTENT)


def test_a_reader_program_that_knows_the_feed_gets_304(client: Client) -> None:
    make_article()
    first = client.get("/feed.xml")
    known = {"if-none-match": first["ETag"]}
    since = {"if-modified-since": first["Last-Modified"]} if "Last-Modified" in first else known
    assert client.get("/feed.xml", headers=known).status_code == 304
    assert client.get("/feed.xml", headers=since).status_code == 304
    make_article()
    assert client.get("/feed.xml", headers=known).status_code == 200


def test_drafts_and_withdrawn_articles_stay_out(client: Client) -> None:
    make_article(live=False)
    article = make_article()
    first = client.get("/feed.xml")
    article.unpublish()
    assert entries(client, "/feed.xml") == []
    # Also a program that asks by date alone must learn of it.
    again = client.get(
        "/feed.xml", headers={"if-modified-since": first.headers.get("Last-Modified", "")}
    )
    assert again.status_code == 200
