"""`python -m bench.stock.fill ARTICLES.json COUNT`: make a site of COUNT articles; print cookies
and the addresses of those in the file as JSON.

Each of the articles has title, standfirst, author, preview and rest (HTML). Those beyond the file
are copies, put in as plain rows: Wagtail itself takes four minutes for 10,000.
"""

import copy
import io
import json
import os
import sys
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

SECTIONS = 8


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.stock.settings"
    import django

    django.setup()
    from django.core.management import call_command
    from django.utils import timezone
    from wagtail.models import Page, Site

    call_command("migrate", verbosity=0)
    from bench.stock.models import ArticlePage, SectionPage, Subscription, Unlock

    root = Site.objects.get().root_page
    titles = ("Economy", "Politics", "Science", "Energy", "Health", "Cities", "Trade", "Law")
    sections = [root.add_child(instance=SectionPage(title=t, show_in_menus=True)) for t in titles]
    photo = _photo()
    pages: list[Page] = []
    for number, row in enumerate(json.loads(Path(sys.argv[1]).read_text())):
        rest = [{"type": "text", "value": row["rest"]}]
        page = ArticlePage(
            title=row["title"],
            slug=f"article-{number}",
            standfirst=row["standfirst"],
            author=row["author"],
            date=timezone.now() - timedelta(hours=number),
            photo=photo,
            preview=row["preview"],
            rest=json.dumps(rest),
        )
        sections[number % SECTIONS].add_child(instance=page)
        pages.append(page)
    _copy(pages, sections, int(sys.argv[2]) - len(pages))
    member, subscriber = _user("member"), _user("subscriber")
    Unlock.objects.create(user=member, article=pages[0])
    Subscription.objects.create(user=subscriber, ends=timezone.now() + timedelta(days=9))
    print(
        json.dumps(
            {
                "paths": [page.url for page in pages],
                "cookies": {"member": _session(member), "subscriber": _session(subscriber)},
            }
        )
    )


def _copy(pages: list[Any], sections: list[Any], count: int) -> None:
    from wagtail.models import Page

    from bench.stock.models import ArticlePage

    children = dict.fromkeys(range(len(sections)), len(pages))  # no path is given twice
    copies = []
    for number in range(count):
        one, place = copy.copy(pages[number % len(pages)]), number % len(sections)
        section, children[place] = sections[place], children[place] + 1
        one.slug, one.pk = f"copy-{number}", None
        one.path = Page._get_path(section.path, section.depth + 1, children[place])
        one.url_path, one.date = f"{section.url_path}{one.slug}/", one.date - timedelta(days=400)
        one.translation_key = uuid.uuid4()
        copies.append(one)
    columns = [column.attname for column in Page._meta.concrete_fields if column.attname != "id"]
    parents = [Page(**{name: getattr(one, name) for name in columns}) for one in copies]
    Page.objects.bulk_create(parents, batch_size=500)
    for parent, one in zip(parents, copies, strict=True):
        one.page_ptr_id = one.id = parent.pk
    for start in range(0, count, 50):
        ArticlePage._base_manager._insert(
            copies[start : start + 50], fields=ArticlePage._meta.local_concrete_fields
        )
    for section in sections:
        there = Page.objects.filter(path__startswith=section.path, depth=section.depth + 1)
        Page.objects.filter(pk=section.pk).update(numchild=there.count())


def _photo() -> Any:
    from django.core.files.images import ImageFile
    from PIL import Image as Picture
    from wagtail.images.models import Image

    content = io.BytesIO()
    Picture.new("RGB", (1600, 900), "#567").save(content, "JPEG")
    content.seek(0)
    return Image.objects.create(title="Photo", file=ImageFile(content, name="photo.jpg"))


def _user(name: str) -> Any:
    from django.contrib.auth.models import User

    return User.objects.create(username=name)


def _session(user: Any) -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return f"sessionid={session.session_key}"


if __name__ == "__main__":
    main()
