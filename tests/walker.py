"""Walks every address of the magazine, also those that nobody told it of.

Addresses come from two places: the URL table, whose parameters are filled with every value of the
test's magazine that fits, and the links in whatever pages come back. A route added later is walked
because it stands in the table.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import unescape
from itertools import islice, product
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.test import Client
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve

_PARAMETER = re.compile(r"%\((\w+)\)s")
_LINK = re.compile(
    r"""(?:href|src|action)=["']([^"']+)["']|content=["'](https?:[^"']+)["']|<loc>([^<]+)</loc>"""
)
_UUID = "00000000-0000-4000-8000-000000000000"

# What a parameter may stand for besides the magazine's own names and numbers.
_PLAIN = ["1", "nothing-here", "1x", _UUID, "feed", "MQ", "default", "wagtailcore", "articles"]


@dataclass
class Props:
    """Values of the test's magazine to fill parameters with: slugs, ids, years, tokens."""

    values: list[str] = field(default_factory=list)
    by_name: dict[str, list[str]] = field(default_factory=dict)

    def fitting(self, name: str) -> list[str]:
        return self.by_name.get(name, []) or [*self.values, *_PLAIN]


def patterns(resolver: URLResolver | None = None) -> Iterator[URLPattern]:
    """Every pattern of the URL table, however deep."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from patterns(entry)
        else:
            yield entry


def _forms(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    """Each route as a text with %(name)s in place of its parameters, and their names."""
    from django.utils.regex_helper import normalize

    for entry in resolver.url_patterns:
        pattern = entry.pattern
        regex = str(pattern.regex.pattern) if hasattr(pattern, "regex") else ""
        converted = normalize(regex)
        for form, names in converted or [("", [])]:
            # A prefix may end with %(name)s of its own.
            if isinstance(entry, URLResolver):
                yield from (
                    (prefix + form + deeper, [*names, *more]) for deeper, more in _forms(entry)
                )
            else:
                yield prefix + form, list(names)


def addresses(props: Props, each: int = 8) -> list[str]:
    """At most `each` addresses for every route of the URL table, and one where nothing varies.

    Raises AssertionError for a route that no value fits, so that none goes unwalked in silence.
    """
    found: dict[str, None] = {}
    for form, names in _forms(get_resolver()):
        choices = [props.fitting(name) for name in names]
        tried = matched = 0
        for values in islice(product(*choices), 2000):
            tried += 1
            address = "/" + form % dict(zip(names, values, strict=True))
            try:
                resolve(address)
            except (Resolver404, ValueError):
                continue
            matched += 1
            found[address] = None
            if matched >= each:
                break
        assert matched or not tried, f"No value fits the route {form!r}; add one to the props."
    return list(found)


def links_in(text: str, address: str) -> Iterator[str]:
    """Addresses of our own that a page or a sitemap points to."""
    for link in _LINK.finditer(text):
        target = urljoin(f"http://testserver{address}", unescape(link[1] or link[2] or link[3]))
        parts = urlsplit(target)
        if parts.scheme in {"http", "https"} and parts.netloc in {"testserver", "localhost:8000"}:
            yield parts.path + (f"?{parts.query}" if parts.query else "")


def body_of(response: Any) -> str:
    """A response's whole text, with its headers, as one string to look through."""
    if getattr(response, "streaming", False):
        content = b"".join(response.streaming_content)
    else:
        content = response.content
    if not response.get("Content-Type", "").startswith(("image/", "font/")):
        head = "\n".join(f"{name}: {value}" for name, value in response.items())
        return head + "\n" + content.decode("utf-8", "replace")
    return ""


def walk(
    client: Client, start: Iterable[str], *, skip: tuple[str, ...] = (), follow: bool = True
) -> Iterator[tuple[str, Any, str]]:
    """GET every address and whatever it links to; gives (address, response, text) for each."""
    waiting = list(dict.fromkeys(start))
    seen = set(waiting)
    while waiting:
        address = waiting.pop()
        if address.startswith(skip) and skip:
            continue
        response = client.get(address)
        text = body_of(response)
        yield address, response, text
        if not follow:
            continue
        if response.status_code in {301, 302, 303, 307, 308}:
            more: Iterable[str] = links_in(f'href="{response["Location"]}"', address)
        else:
            more = links_in(text, address) if response.status_code == 200 else ()
        for link in more:
            if link not in seen and len(seen) < 4000 and "/static/" not in link:
                seen.add(link)
                waiting.append(link)
