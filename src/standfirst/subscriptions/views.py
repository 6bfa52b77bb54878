"""Where providers tell what happened."""

import logging
import time

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from standfirst.subscriptions.actions.hearing import keep
from standfirst.subscriptions.providers import by_name
from standfirst.subscriptions.providers.base import Forged
from standfirst.subscriptions.troubles import FORGED_SEEN

log = logging.getLogger("standfirst.subscriptions")

LARGEST = 256 * 1024
NOTED_EVERY = 10.0  # seconds; a flood of forgeries must not become a flood of rows
_noted = -NOTED_EVERY


@csrf_exempt
@require_POST
def hear(request: HttpRequest, provider: str) -> HttpResponse:
    """Keep what a provider tells, then answer; the worker handles it."""
    if (size := request.META.get("CONTENT_LENGTH") or "").isdigit() and int(size) > LARGEST:
        return _said("An event is smaller than that.", 413)
    try:
        told = by_name(provider)
    except LookupError as error:
        return _said(str(error), 404)
    body = request.read(LARGEST + 1)
    if len(body) > LARGEST:
        return _said("An event is smaller than that.", 413)
    now = timezone.now()
    try:
        heard = told.hear(request.headers, body, now)
    except Forged as forged:
        _note(provider, str(forged))
        return _said(str(forged), 400)
    keep(told.name, heard, body, now)
    return HttpResponse(status=200)


def _said(sentence: str, status: int) -> HttpResponse:
    return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8")


def _note(provider: str, sentence: str) -> None:
    """Leave word for `standfirst check` that events arrive which are not believed."""
    global _noted
    log.warning("An event for %s is not believed: %s", provider, sentence)
    if time.monotonic() - _noted < NOTED_EVERY:
        return
    _noted = time.monotonic()
    try:
        cache.set(FORGED_SEEN, (time.time(), provider, sentence), 86400)
    except Exception as error:  # whatever the cache's own library raises
        log.debug("A forged event could not be noted: %s", error)
