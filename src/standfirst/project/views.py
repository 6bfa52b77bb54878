"""Pages of the program itself: errors, pictures, health, and in the demo the outbox."""

import mimetypes
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.contrib.messages import get_messages
from django.core.exceptions import RequestDataTooBig
from django.db import connection
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.utils._os import safe_join
from django.views.decorators.http import require_safe

from standfirst.members.sign_in import next_of
from standfirst.project.limits import too_large


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """200 and “ok” while the program can read its data."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def media(request: HttpRequest, path: str) -> FileResponse:
    """A picture, where no web server in front hands them out. Names never change their content."""
    try:
        file = Path(safe_join(settings.MEDIA_ROOT, path))
        content = file.open("rb")
    except (OSError, ValueError) as error:
        raise Http404("There is no such picture.") from error
    kind = mimetypes.guess_type(file.name)[0] or ""
    response = FileResponse(content, content_type=kind if kind.startswith("image/") else None)
    response["Cache-Control"] = "public, max-age=31536000"
    if not kind.startswith("image/") or kind == "image/svg+xml":
        response["Content-Disposition"] = "attachment"
    return response


@require_safe
def log_in(request: HttpRequest, otherwise: str = "/") -> HttpResponse:
    """Wagtail's log-in pages: all log in at the same place, and come back to where they were."""
    if request.user.is_authenticated:  # sent here for want of rights: back there is a circle
        list(get_messages(request))  # Wagtail's sentence about it would turn up elsewhere
        return _error(request, 403, "forbidden")
    return redirect_to_login(next_of(request, otherwise))


def _error(request: HttpRequest, status: int, template: str) -> HttpResponse:
    return render(request, f"errors/{template}.html", status=status)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that came from elsewhere, or was left open too long."""
    return _error(request, 403, "cross_site")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    # A form whose fields are too large is refused by Django while it is being read.
    if isinstance(exception, RequestDataTooBig):
        return too_large(request)
    return _error(request, 400, "bad_request")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 403, "forbidden")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 404, "not_found")


def server_error(request: HttpRequest) -> HttpResponse:
    """Something broke: this page asks neither the database nor anything else."""
    return HttpResponse(get_template("errors/server_error.html").render(), status=500)


# -- the demo's outbox ------------------------------------------------------------------------


def _letters() -> list[Path]:
    folder = Path(getattr(settings, "EMAIL_FILE_PATH", "") or "/nonexistent")
    return sorted(folder.glob("*.log"), key=lambda file: file.name, reverse=True)


def _read(file: Path) -> EmailMessage:
    return message_from_bytes(file.read_bytes(), policy=policy.default)


def _sent_at(letter: EmailMessage) -> datetime | None:
    """The Date of a letter; one that names no zone (-0000) is in UTC (RFC 5322, 3.3)."""
    try:
        moment = parsedate_to_datetime(str(letter["Date"]))
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """All mail the magazine would have sent, the newest first. In the demo only."""
    letters = [(file.name, letter := _read(file), _sent_at(letter)) for file in _letters()[:200]]
    return render(request, "outbox/list.html", {"letters": letters})


@require_safe
def outbox_mail(request: HttpRequest, name: str) -> HttpResponse:
    """One mail of the outbox."""
    file = next((file for file in _letters() if file.name == name), None)
    if file is None:
        raise Http404("There is no such mail.")
    letter = _read(file)
    text, page = letter.get_body(("plain",)), letter.get_body(("html",))
    context = {
        "letter": letter,
        "sent_at": _sent_at(letter),
        # The button that mail programs show beside the subject (RFC 8058).
        "one_click": str(letter["List-Unsubscribe"] or "").strip("<> \r\n")
        if letter["List-Unsubscribe-Post"]
        else "",
        "text": text.get_content() if text else "",
        "html": page.get_content() if page else "",
    }
    return render(request, "outbox/mail.html", context)
