"""The newsroom: setting up, previews of every wall, review, members, subscriptions."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from wagtail.models import Page, Site, WorkflowState
from wagtail.test.utils.form_data import inline_formset, nested_form_data, rich_text, streamfield

from standfirst.access.models import Unlock
from standfirst.access.rules import Terms, UnlockKind
from standfirst.articles.actions import set_up_magazine
from standfirst.articles.models import Article, ArticleIndex, FrontPage, Topic
from standfirst.articles.why import Unknown, explain_article
from standfirst.members.models import Member
from standfirst.publication.models import Publication
from standfirst.subscriptions.models import Subscription
from tests.making import (
    SECRET,
    make_article,
    make_magazine,
    make_member,
    make_section,
    subscribe,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def magazine() -> ArticleIndex:
    return set_up_magazine()


def colleague(group: str = "", **fields: Any) -> Member:
    member = make_member(is_staff=True, **fields)
    if group:
        member.groups.add(Group.objects.get(name=group))
    return member


def client_of(member: Member) -> Client:
    client = Client()
    client.force_login(member)
    return client


def form_of(title: str, **more: Any) -> dict[str, Any]:
    """What the article editor sends."""
    blocks = [
        ("paragraph", rich_text("<p>The preview.</p>")),
        ("cut", ""),
        ("paragraph", rich_text(f"<p>{SECRET}</p>")),
    ]
    return nested_form_data(
        {
            "title": title,
            "slug": slugify(title),  # the editor's script fills it in from the headline
            "standfirst": "",
            "section": make_section().pk,
            "format": "analysis",
            "terms": "",
            "body": streamfield(blocks),
            "bylines": inline_formset([]),
            "pinned": inline_formset([]),
            "comments": inline_formset([]),
            **more,
        }
    )


# -- setting up -------------------------------------------------------------------------------


def test_setting_up_makes_what_a_magazine_needs_and_may_be_repeated() -> None:
    index = set_up_magazine()
    front = FrontPage.objects.get()
    site = Site.objects.get(is_default_site=True)
    assert site.root_page_id == front.pk
    assert index.get_parent().pk == front.pk
    assert Publication.objects.count() == 1
    assert set(Group.objects.values_list("name", flat=True)) == {
        *("Writers", "Editors", "Publishers")
    }
    assert index.get_workflow() is not None
    before = Page.objects.count(), Group.objects.get(name="Editors").permissions.count()
    Group.objects.get(name="Writers").permissions.clear()
    assert set_up_magazine() == index
    assert (Page.objects.count(), Group.objects.get(name="Editors").permissions.count()) == before
    assert Group.objects.get(name="Writers").permissions.count() == 0, "a publisher's own change"


def test_setting_up_takes_over_what_wagtail_made() -> None:
    make_magazine()
    Group.objects.get_or_create(name="Editors")
    Group.objects.get_or_create(name="Moderators")
    set_up_magazine()
    set_up_magazine()
    assert set(Group.objects.values_list("name", flat=True)) == {
        *("Writers", "Editors", "Publishers")
    }


# -- the editor and its previews --------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "full"),
    [
        (Terms.OPEN, {"", "visitor", "unverified", "credits", "spent", "subscriber"}),
        (Terms.MEMBERS, {"", "unverified", "credits", "spent", "subscriber"}),
        (Terms.METERED, {"", "subscriber"}),
        (Terms.SUBSCRIBERS, {"", "subscriber"}),
    ],
)
def test_each_preview_shows_just_what_that_reader_gets(
    magazine: ArticleIndex, terms: Terms, full: set[str]
) -> None:
    saved = make_article(terms=terms)
    draft = Article(title="Unsaved", section=saved.section, terms=terms, body=saved.body)
    for article in (saved, draft):
        for mode, _ in Article.preview_modes:
            response = article.make_preview_request(preview_mode=mode)
            assert response.status_code == 200
            assert (SECRET in response.content.decode()) == (mode in full), mode


def test_an_unknown_preview_mode_is_a_visitors(magazine: ArticleIndex) -> None:
    response = make_article().make_preview_request(preview_mode="nonsense")
    assert SECRET not in response.content.decode()


def test_an_article_is_previewed_before_it_is_ever_saved(magazine: ArticleIndex) -> None:
    editor = client_of(colleague("Writers"))
    url = reverse("wagtailadmin_pages:preview_on_add", args=["articles", "article", magazine.pk])
    assert json.loads(editor.post(url, form_of("New")).content)["is_valid"]
    page = editor.get(url, {"mode": "visitor"}).content.decode()
    assert "The preview." in page
    assert SECRET not in page
    assert SECRET in editor.get(url, {"mode": ""}).content.decode()


def test_a_writer_submits_and_an_editor_publishes(magazine: ArticleIndex) -> None:
    writer, editor = client_of(colleague("Writers")), client_of(colleague("Editors"))
    topic = Topic.objects.create(name="Korea, Republic of", slug="korea")
    add = reverse("wagtailadmin_pages:add", args=["articles", "article", magazine.pk])
    assert writer.get(add).status_code == 200
    form = {**form_of("From a writer", **{"action-submit": "1"}), "topics": [topic.pk]}
    writer.post(add, form)
    article = Article.objects.get(title="From a writer")
    assert not article.live
    assert article.slug == "from-a-writer"
    assert list(article.get_latest_revision_as_object().topics.all()) == [topic]
    assert client_of(make_member()).get(article.get_absolute_url()).status_code == 404
    state = WorkflowState.objects.get(object_id=str(article.pk))
    edit = reverse("wagtailadmin_pages:edit", args=[article.pk])
    assert "action-publish" not in writer.get(edit).content.decode()
    approve = reverse(
        "wagtailadmin_pages:workflow_action",
        args=[article.pk, "approve", state.current_task_state_id],
    )
    assert editor.post(approve, {"next": "/"}).status_code in {200, 302}
    article.refresh_from_db()
    assert article.live
    assert article.published_at is not None


def test_what_is_missing_is_said_when_publishing_but_not_while_drafting(
    magazine: ArticleIndex,
) -> None:
    editor = client_of(colleague("Editors"))
    add = reverse("wagtailadmin_pages:add", args=["articles", "article", magazine.pk])
    note = {"note_kind": "correction", "note_text": "", "note_date": ""}
    editor.post(add, form_of("A draft", **note))
    assert Article.objects.filter(title="A draft").exists()
    refused = editor.post(add, form_of("Not yet", **note, **{"action-publish": "1"}))
    assert "Say what was corrected" in refused.content.decode()
    later = (timezone.now() + timedelta(days=2)).strftime("%Y-%m-%d %H:%M")
    late = editor.post(add, form_of("Later", published_at=later, **{"action-publish": "1"}))
    assert "still to come" in late.content.decode()
    assert set(Article.objects.values_list("title", flat=True)) == {"A draft"}


def test_two_articles_cannot_have_one_address(magazine: ArticleIndex) -> None:
    editor = client_of(colleague("Editors"))
    add = reverse("wagtailadmin_pages:add", args=["articles", "article", magazine.pk])
    form = form_of("Twice", **{"action-publish": "1"})
    assert editor.post(add, form).status_code == 302
    assert "already in use" in editor.post(add, form).content.decode()
    assert Article.objects.filter(slug="twice").count() == 1


def test_names_are_found_while_typing(magazine: ArticleIndex) -> None:
    for name in ("Grain", "Integration", "Rain"):
        Topic.objects.create(name=name, slug=name.lower())
    writer = client_of(colleague("Writers"))
    found = writer.get("/newsroom/names/topic/", {"q": "gra"}).json()["names"]
    assert [one["name"] for one in found] == ["Grain", "Integration"]
    assert writer.get("/newsroom/names/topic/", {"q": "\x00"}).json() == {"names": []}
    assert writer.get("/newsroom/names/member/", {"q": "a"}).status_code == 404
    assert client_of(make_member()).get("/newsroom/names/topic/?q=a").status_code == 302


def test_the_lists_of_articles_open_and_filter(
    magazine: ArticleIndex, django_assert_max_num_queries: Any
) -> None:
    economy = make_section("Economy")
    for number in range(12):
        make_article(f"Piece {number}", section=economy if number % 2 else make_section())
    editor = client_of(colleague("Editors"))
    explore = reverse("wagtailadmin_explore", args=[magazine.pk])
    for path in ("/newsroom/articles/", explore):
        page = editor.get(path).content.decode()
        assert "Piece 1" in page
        page = editor.get(path, {"section": economy.pk}).content.decode()
        assert "Piece 1" in page
        assert "Piece 2" not in page
        with django_assert_max_num_queries(60):
            editor.get(path)


# -- who may read this ------------------------------------------------------------------------


def test_why_tells_the_facts_in_order_and_the_decision_last(magazine: ArticleIndex) -> None:
    make_magazine(time_zone="Europe/Vienna")
    article = make_article("On ports", section=make_section("World", Terms.METERED))
    member = make_member("ada@example.org")
    now = timezone.now()
    told = explain_article(article.slug, None, now)
    assert told[0].startswith("“On ports” has the terms metered, as its section World says")
    assert told[-1].startswith("Decision: the preview with the wall join")
    told = explain_article(article.get_absolute_url(), "ADA@example.org", now)
    assert "3 of 3 choices are left" in told[-2]
    assert told[-1].startswith("Decision: the preview with the wall choose")
    subscribe(member)
    told = explain_article(str(article.pk), "ada@example.org", now)
    assert told[-1] == "Decision: the full text, because All-Access runs."
    assert any(line.startswith("subscription: yes, All-Access runs until") for line in told)
    with pytest.raises(Unknown, match="There is no article"):
        explain_article("nothing", None, now)
    with pytest.raises(Unknown, match="No member has the address"):
        explain_article(article.slug, "nobody@example.org", now)


def test_an_editor_asks_why_and_gives_the_article(magazine: ArticleIndex) -> None:
    article, member, boss = make_article(), make_member("ada@example.org"), colleague("Editors")
    editor, path = client_of(boss), ""
    path = reverse("newsroom_why", args=[article.pk])
    page = editor.get(path, {"member": "ada@example.org"}).content.decode()
    assert "the wall choose" in page
    assert "Give this article" in page
    assert not Unlock.objects.exists(), "looking changes nothing"
    page = editor.post(path, {"member": "ada@example.org"}, follow=True).content.decode()
    unlock = Unlock.objects.get()
    assert (unlock.member, unlock.kind, unlock.by) == (member, UnlockKind.GIFT, boss)
    assert "given as a gift" in page
    assert "Give this article" not in page
    assert SECRET in client_of(member).get(article.get_absolute_url()).content.decode()
    assert editor.get(path, {"member": "no@example.org"}).status_code == 404


def test_writers_see_why_of_visitors_but_nothing_of_members(magazine: ArticleIndex) -> None:
    article, member = make_article(), make_member("ada@example.org")
    writer = client_of(colleague("Writers"))
    path = reverse("newsroom_why", args=[article.pk])
    assert "the wall join" in writer.get(path).content.decode()
    # Wagtail answers a refusal in the newsroom with a way back home.
    assert "ada@" not in writer.get(path, {"member": member.email}, follow=True).content.decode()
    writer.post(path, {"member": member.email})
    writer.get(f"/newsroom/members/{member.pk}/")
    assert "ada@" not in writer.get("/newsroom/members/", follow=True).content.decode()
    assert not Unlock.objects.exists()


# -- members, colleagues, subscriptions -------------------------------------------------------


def test_an_editor_looks_at_members_and_changes_none(magazine: ArticleIndex) -> None:
    article, member = make_article("On ports"), make_member("ada@example.org")
    subscribe(member)
    Unlock.objects.create(
        member=member,
        article=article.page_ptr,
        headline=article.title,
        kind=UnlockKind.WELCOME,
        unlocked_at=timezone.now(),
    )
    editor = client_of(colleague("Editors"))
    assert "ada@example.org" in editor.get("/newsroom/members/").content.decode()
    assert "ada@" in editor.get("/newsroom/members/?standing=complimentary").content.decode()
    assert "ada@" not in editor.get("/newsroom/members/?standing=staff").content.decode()
    page = editor.get(f"/newsroom/members/{member.pk}/").content.decode()
    for fact in ("On ports", "welcome", "3 of 3 left", "confirmed"):
        assert fact in page


def test_only_an_administrator_makes_colleagues(magazine: ArticleIndex) -> None:
    member = make_member("ada@example.org")
    editors = Group.objects.get(name="Editors")
    edit = reverse("wagtailusers_users:edit", args=[member.pk])
    wish = {"name": "Ada", "is_staff": "on", "is_superuser": "on", "groups": [editors.pk]}
    editor = colleague("Editors")
    # Not even with every permission on members.
    editor.user_permissions.add(*editors.permissions.model.objects.filter(codename="change_member"))
    client_of(editor).post(edit, wish)
    member.refresh_from_db()
    assert not member.is_staff
    assert not member.is_superuser
    boss = client_of(colleague(is_superuser=True))
    boss.post(edit, wish)
    member.refresh_from_db()
    assert member.is_staff
    assert editors in member.groups.all()
    boss.post(edit, {"name": "Ada", "is_superuser": "on", "groups": [editors.pk]})
    member.refresh_from_db()
    assert not (member.is_staff)
    assert not (member.is_superuser)
    assert not (member.groups.exists())


def test_the_list_of_colleagues_holds_staff_alone(magazine: ArticleIndex) -> None:
    make_member("reader@example.org")
    boss = client_of(colleague(is_superuser=True))
    assert "reader@" not in boss.get(reverse("wagtailusers_users:index")).content.decode()


def test_a_colleague_is_added_by_address_and_a_member_stays_who_they_are(
    magazine: ArticleIndex,
) -> None:
    known = make_member("ada@example.org", name="Ada")
    boss = client_of(colleague(is_superuser=True))
    writers = Group.objects.get(name="Writers")
    for email in ("ADA@example.org", "new@example.org"):
        boss.post(
            reverse("wagtailusers_users:add"),
            {"email": email, "name": "Someone", "groups": [writers.pk]},
        )
    known.refresh_from_db()
    new = Member.objects.get(email="new@example.org")
    for member in (known, new):
        assert member.is_staff
        assert writers in member.groups.all()
    assert known.has_usable_password()
    assert not new.has_usable_password()


def test_staff_give_all_access_with_an_end_and_end_it_early(magazine: ArticleIndex) -> None:
    article, member, boss = make_article(), make_member("ada@example.org"), colleague("Editors")
    editor, reader = client_of(boss), client_of(member)
    now = timezone.now()
    wish = {
        "email": "Ada@example.org",
        "starts_at": (now - timedelta(minutes=5)).strftime("%Y-%m-%d %H:%M"),
        "ends_at": (now + timedelta(days=9)).strftime("%Y-%m-%d %H:%M"),
        "note": "A friend of the house",
    }
    add = reverse("subscriptions:add")
    editor.post(add, {**wish, "email": "nobody@example.org"})
    editor.post(add, {**wish, "ends_at": "2001-01-01 00:00"})
    assert not Subscription.objects.exists()
    editor.post(add, wish)
    given = Subscription.objects.get()
    assert (given.member, given.created_by) == (member, boss)
    assert SECRET in reader.get(article.get_absolute_url()).content.decode()
    assert editor.get(reverse("subscriptions:index")).status_code == 200
    assert editor.get(reverse("subscriptions:edit", args=[given.pk])).status_code == 200
    end = reverse("subscription_act", args=[given.pk, "end"])
    assert editor.get(end).status_code == 405
    why = {"why": "No friend any more", "key": "k"}
    client_of(colleague("Writers")).post(end, why)
    editor.post(end, {"key": "k"})  # without a reason nothing ends
    assert SECRET in reader.get(article.get_absolute_url()).content.decode()
    editor.post(end, why)
    assert given.entries.last().why == "No friend any more"
    assert SECRET not in reader.get(article.get_absolute_url()).content.decode()


def test_every_page_of_the_newsrooms_menu_opens(magazine: ArticleIndex) -> None:
    boss = client_of(colleague(is_superuser=True))
    home = boss.get("/newsroom/").content.decode()
    for name in ("Articles", "Front page", "Members", "Subscriptions", "Filing", "Colleagues"):
        assert name in home
    for path in (
        "/newsroom/front/",
        "/newsroom/snippets/articles/topic/",
        "/newsroom/snippets/articles/section/add/",
        "/newsroom/users/",
        "/newsroom/users/new/",
        "/newsroom/subscriptions/new/",
    ):
        assert boss.get(path, follow=True).status_code == 200, path
