"""Under which names pages are kept. It imports no framework, like the door that asks it."""

import re

SEARCHED = "/library/"  # kept only as it is before anything is searched for
SOLD = "/all-access/"  # made for one reader where its address says whence, or a currency
_SAID = re.compile(r"(?:^|&)(?:next|currency|price)=")
NEVER_KEPT = (
    *("/account/", "/newsroom/", "/media/", "/static/", "/join/", "/choose/", "/mail/"),
    *("/healthz", f"{SEARCHED}?", f"{SEARCHED}feed.atom", f"{SEARCHED}suggestions"),
    f"{SOLD}?",
    "/newsletters/",  # each reader's by their standing, and read by few
)


def key_of(path: str, query: str) -> str:
    """Path and query as the page store names them. No page but the library's and that of the plans
    reads more of a query than `page`."""
    if not query:
        return path
    said = "page=" in query or path == SEARCHED or (path == SOLD and _SAID.search(query))
    return f"{path}?{query}" if said else path
