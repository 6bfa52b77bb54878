"""scratch"""
from collections.abc import Iterator
from typing import Any
import pytest
from tests.cast import make_cast
from tests.edges import EDGES, door_and_django
from tests.overhttp import Browser
from standfirst.reading import host
import subprocess, time

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.server]

@pytest.mark.parametrize("kind", ["nginx", "varnish"])
def test_scratch(settings: Any, tmp_path: Any, kind: str) -> None:
    settings.PAGE_STORE = tmp_path / "pages"
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.BEHIND_DOOR = True
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    settings.ALLOWED_HOSTS = ["testserver"]
    t = time.time()
    magazine = make_cast()
    print("cast", time.time() - t)
    host.generations()
    with door_and_django(tmp_path) as (door, _), EDGES[kind](tmp_path, door, tmp_path / "pages" / "generations") as (address, _):
        print("up", time.time() - t)
        for reader in magazine.readers:
            b = Browser(address, reader.client)
            d = Browser(f"http://127.0.0.1:{door}", reader.client)
            for n in range(3):
                for a in magazine.articles.values():
                    t0=time.time()
                    r = b.get(a.get_absolute_url(), {"accept-encoding": "br"} if n==1 else {})
                    print(reader.name, a.pk, r.status_code, len(r.content), b"LEAK" in r.content, reader.may_read(a), round((time.time()-t0)*1000,1))
                    assert (b"LEAK" in r.content) == (reader.may_read(a) and a.live) or n==1
            print(r.headers)
    print((tmp_path / "error.log").read_text()[:3000] if kind=="nginx" else "")
    print((tmp_path / "edge.log").read_text()[-1500:] if kind=="nginx" else "")
