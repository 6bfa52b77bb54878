"""The newsroom's pages about what articles are filed under, and the reports about what was done."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from standfirst.articles.actions import EDITORS, WRITERS, set_up_magazine
from standfirst.articles.models import Author, Section, Topic
from standfirst.members.models import Member
from tests.making import make_article, make_member, make_staff

pytestmark = pytest.mark.django_db


def client_of(member: Member) -> Client:
    client = Client()
    client.force_login(member, "django.contrib.auth.backends.ModelBackend")
    return client


def colleague(group: str) -> Member:
    member = make_member(is_staff=True)
    member.groups.set([Group.objects.get(name=group)])
    return member


def titles(client: Client, query: str) -> list[str]:
    return [one.title for one in client.get(f"/newsroom/articles/?{query}").context["object_list"]]


def test_an_author_s_articles_and_drafts_are_one_link_away() -> None:
    set_up_magazine()
    client = client_of(colleague(EDITORS))
    one, draft = (
        make_article("Written"),
        make_article("Being written", live=False, published_at=None),
    )
    author = one.bylines.get().author
    other = make_article("By another")
    other.bylines.update(author=Author.objects.create(name="Bob", slug="bob"))
    other.refresh_from_db()
    other.save()
    edit = client.get(f"/newsroom/snippets/articles/author/edit/{author.pk}/")
    assert "1 article" in edit.content.decode()
    usage = client.get(f"/newsroom/snippets/articles/author/usage/{author.pk}/")
    assert usage["Location"] == f"/newsroom/articles/?author={author.pk}"
    assert titles(client, f"author={author.pk}") == [draft.title, one.title]
    assert "Ada Sample" in client.get(usage["Location"]).content.decode()


def test_a_topic_s_list_is_narrowed_further() -> None:
    set_up_magazine()
    client = client_of(colleague(EDITORS))
    topic = Topic.objects.create(name="Ports", slug="ports")
    for title in ("On cranes", "On ships"):
        article = make_article(title)
        article.topics.add(topic)
        article.save()
    make_article("On ships elsewhere")
    assert titles(client, f"topic={topic.pk}&q=ships") == ["On ships"]
    # Each of these filters is shown only once it is set.
    assert 'name="topic"' not in client.get("/newsroom/articles/").content.decode()


@pytest.mark.parametrize("live", [True, False])
def test_what_an_article_needs_is_not_deleted(*, live: bool) -> None:
    set_up_magazine()
    client = client_of(make_staff())
    article = make_article(live=live)
    for one in (article.section, article.bylines.get().author):
        address = f"/newsroom/snippets/articles/{one.kind}/delete/{one.pk}/"
        said = client.get(address).content.decode()
        assert "is referenced 1 time" in said
        assert "prevent it from being deleted" in said
        client.post(address)
        assert type(one).objects.filter(pk=one.pk).exists()


def test_what_nothing_is_filed_under_is_deleted_one_at_a_time() -> None:
    set_up_magazine()
    client = client_of(make_staff())
    one = Section.objects.create(name="Empty", slug="empty")
    several = client.post(f"/newsroom/bulk/articles/section/delete/?id={one.pk}&next=/newsroom/")
    assert several.status_code == 405
    assert Section.objects.filter(pk=one.pk).exists()
    client.post(f"/newsroom/snippets/articles/section/delete/{one.pk}/")
    assert not Section.objects.filter(pk=one.pk).exists()


def test_the_history_of_all_says_who_did_what() -> None:
    set_up_magazine()
    editor = colleague(EDITORS)
    make_article("A piece").save_revision(user=editor, log_action=True).publish(user=editor)
    for who in (editor, colleague(WRITERS), make_staff()):
        client, address = client_of(who), "/newsroom/reports/site-history/"
        said = client.get(address).content.decode()
        assert "A piece" in said
        assert "the last 10,000 changes" in said
        only = [f"?action=wagtail.publish&user={editor.pk}", "?action=wagtail.lock"]
        shown = [client.get(address + query).context["object_list"] for query in only]
        assert [[entry.action for entry in entries] for entries in shown] == [
            ["wagtail.publish"],
            [],
        ]


def test_the_first_page_shows_what_one_changed_last() -> None:
    set_up_magazine()
    editor = colleague(EDITORS)
    article = make_article("A piece of mine")
    for _ in range(2):
        article.save_revision(user=editor, log_action=True)
    make_article("Of another").save_revision(user=make_staff(), log_action=True)
    said = client_of(editor).get("/newsroom/").content.decode()
    assert said.count("A piece of mine") == 1
    assert "Of another" not in said


def test_a_writer_sees_their_own_pictures_and_an_editor_all() -> None:
    from wagtail.images.models import Image

    set_up_magazine()
    writer, editor = colleague(WRITERS), colleague(EDITORS)
    for who in (writer, editor):
        Image.objects.create(
            title=f"By {who.pk}", file="x.jpg", width=1, height=1, uploaded_by_user=who
        )
    shown = [
        {one.title for one in client_of(who).get("/newsroom/images/").context["images"]}
        for who in (writer, editor)
    ]
    assert shown == [{f"By {writer.pk}"}, {f"By {writer.pk}", f"By {editor.pk}"}]


def test_colleagues_can_be_put_in_order_of_their_names() -> None:
    client = client_of(make_staff())
    for ordering in ("name", "-name", "email", "last_login"):
        assert client.get(f"/newsroom/users/?ordering={ordering}").status_code == 200
