"""Where a link of a letter leads whose publisher counts them, and the pixel.

It is the one address in letters that changes something by being fetched, a number, and it is in
none unless the publisher says so under Settings. It signs nobody in, and says nothing of its reader
to where it leads. Decision 0030 says why that is a GET all the same.
"""

import logging
from base64 import b64decode

from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from standfirst.newsletters.actions.counting import count
from standfirst.newsletters.letters.counting import PIXEL
from standfirst.newsletters.links import read_token
from standfirst.newsletters.models import Counted, Delivery

log = logging.getLogger("standfirst.newsletters")

_PURPOSES = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_GIF = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")  # 1 × 1, seen through


@never_cache
@require_safe
def link(request: HttpRequest, token: str, number: int) -> HttpResponse:
    """On to the address that had this number in the very sending whose letter the link came with,
    and to no other, also where it cannot be counted. A look ahead is not counted."""
    named = read_token(token)
    sending = named.delivery >> Delivery.NUMBERS if named else 0
    found = Counted.objects.filter(sending=sending, number=number).first() if sending else None
    if found is None:
        raise Http404("There is no such link in this letter.")
    if not _looks_ahead(request):
        try:
            count(found)
        except DatabaseError as error:
            log.warning("That a link was followed could not be counted: %s", error)
    response: HttpResponse = (
        HttpResponse(_GIF, content_type="image/gif")
        if number == PIXEL
        else HttpResponseRedirect(found.address)
    )
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _looks_ahead(request: HttpRequest) -> bool:
    """Does a program ask before anybody has followed the link: a HEAD, or a browser's prefetch
    (Sec-Purpose; by older ones Purpose, X-Purpose or X-Moz)?"""
    if request.method != "GET":
        return True
    said = (request.headers.get(name, "") for name in _PURPOSES)
    return any(word in one.lower() for one in said for word in ("prefetch", "preview", "prerender"))
