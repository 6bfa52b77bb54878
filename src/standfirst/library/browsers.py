"""What a browser asks of the library once a reader has added it to their search engines: how it is
searched (OpenSearch 1.1), and how what one types may go on."""

from contextlib import suppress

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from standfirst.articles.feeds import clean
from standfirst.library.asked import Asked
from standfirst.library.limits import too_often
from standfirst.library.queries import NotNow, suggested
from standfirst.publication.queries import the_publication

DESCRIPTION = "application/opensearchdescription+xml; charset=utf-8"
SUGGESTIONS = "application/x-suggestions+json; charset=utf-8"
WAIT = 60  # seconds after which one who searched too often may come again

SHORTEST = 2  # letters that are completed
LONGEST_NAME, LONGEST_LONG_NAME, LONGEST_ABOUT = 16, 48, 1024  # as OpenSearch 1.1 has it


@require_safe
def description(request: HttpRequest) -> HttpResponse:
    """The OpenSearch description document; the same for everybody."""
    publication = the_publication()
    name = clean(publication.name)
    about = clean(publication.description or publication.tagline)
    context = {
        "short": shortened(name, LONGEST_NAME),
        "long": shortened(f"{name}: the library", LONGEST_LONG_NAME),
        "about": shortened(f"Search every article of {name}. {about}", LONGEST_ABOUT),
        "language": publication.language,
    }
    return render(request, "library/opensearch.xml", context, content_type=DESCRIPTION)


@require_safe
def suggestions(request: HttpRequest) -> HttpResponse:
    """What was typed, and how it may go on: from what every reader may see, whoever asks."""
    text = Asked.of(request.GET).text
    found: list[str] = []
    status = 200
    if len(text) >= SHORTEST:
        if too_often(request):
            status = 429
        else:
            with suppress(NotNow):
                found = suggested(text)
    response = JsonResponse([text, found], safe=False, content_type=SUGGESTIONS, status=status)
    response["Cache-Control"] = "private, no-store"  # it says what this reader looks for
    if status == 429:
        response["Retry-After"] = str(WAIT)
    return response


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters: without “The” where that is enough, else cut at a
    word, or in the middle of the first."""
    text = " ".join(text.split())
    if len(text) > most:
        text = text.removeprefix("The ")
    if len(text) > most:
        text = text[: most + 1].rpartition(" ")[0] or text[:most]
    return text.rstrip(" ,;:.–—-") or text[:most]
