"""Asking an OpenSearch cluster over HTTP. The only module that imports its client."""

import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from opensearchpy import OpenSearch
from opensearchpy.exceptions import (
    AuthenticationException,
    AuthorizationException,
    ConflictError,
    ImproperlyConfigured,
    NotFoundError,
    OpenSearchException,
    RequestError,
    TransportError,
)

from standfirst.library.engine import Gone, Unreachable

log = logging.getLogger("standfirst.library")
logging.getLogger("opensearch").setLevel(logging.CRITICAL)  # we say it ourselves, in sentences

READ_SECONDS, WRITE_SECONDS = 2.0, 30.0
PAUSE = 5.0  # seconds in which a cluster that failed readers is left alone

Answer = dict[str, Any]

# The last three the client raises for errors of a shape that it does not know.
_FAILURES = (
    OpenSearchException,
    ImproperlyConfigured,
    OSError,
    ValueError,
    TypeError,
    AttributeError,
)


class Conflict(Exception):  # noqa: N818
    """Somebody else has written this meanwhile."""


class Wrong(Unreachable):
    """The cluster will not take this request, now or later."""


class Wire:
    """Requests to the cluster at an address such as https://user:secret@host:9200/prefix?ca=FILE.

    `patient`: for who writes. Others wait two seconds at most, and after a failure ask nothing for
    a while, so that a cluster that hangs does not hang the server too.
    """

    def __init__(self, url: str, *, patient: bool = False) -> None:
        parts = urlsplit(url)
        self._patient = patient
        self._not_before, self._why = 0.0, ""
        self._lock = threading.Lock()
        secure = parts.scheme == "https"
        given: dict[str, Any] = {"timeout": WRITE_SECONDS if patient else READ_SECONDS}
        if parts.username:
            given["http_auth"] = (unquote(parts.username), unquote(parts.password or ""))
        if authority := parse_qs(parts.query).get("ca"):
            given["ca_certs"] = authority[0]
        host = {"host": parts.hostname, "port": parts.port or 9200, "use_ssl": secure}
        # Once more at once: a connection that was kept open may have been closed meanwhile.
        self._client = OpenSearch(
            hosts=[host], max_retries=1, retry_on_status=(), pool_maxsize=8, **given
        )

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Answer:
        """What the cluster answers. Raises Gone where the index is not there, Conflict, Wrong,
        Unreachable."""
        return self._ask(method, path, body, params, {})

    def bulk(self, path: str, rows: Sequence[Mapping[str, Any]], **params: Any) -> Answer:
        """The answer to one line of JSON for each row."""
        body = "".join(f"{json.dumps(row)}\n" for row in rows)
        return self._ask("POST", path, body, params, {"content-type": "application/x-ndjson"})

    def _ask(
        self, method: str, path: str, body: Any, params: Mapping[str, Any], headers: dict[str, str]
    ) -> Answer:
        if time.monotonic() < self._not_before:
            raise Unreachable(self._why)
        try:
            given = {name: _text(value) for name, value in params.items()}
            answer = self._client.transport.perform_request(
                method, path, params=given, body=body, headers=headers
            )
        except NotFoundError as error:
            if not isinstance(error.info, dict):
                raise self._away("what answers at SEARCH_URL is not OpenSearch") from error
            if "error" not in error.info:
                return error.info  # a document that is not there
            raise Gone(f"there is no such index ({_reason(error)})") from error
        except ConflictError as error:
            raise Conflict(_reason(error)) from error
        except RequestError as error:
            log.error("The search cluster does not take a request: %s", _reason(error))
            raise Wrong(f"the search cluster does not take a request: {_reason(error)}") from error
        except (AuthenticationException, AuthorizationException) as error:
            why = f"the search cluster does not let us in: {_reason(error)}"
            raise self._away(why) from error
        except _FAILURES as error:
            raise self._away(f"the search cluster cannot be asked: {_reason(error)}") from error
        if not isinstance(answer, dict):
            raise self._away("what answers at SEARCH_URL is not OpenSearch")
        return answer

    def _away(self, why: str) -> Unreachable:
        if not self._patient:
            with self._lock:
                if time.monotonic() >= self._not_before:
                    log.error("%s. Look after the cluster, and at SEARCH_URL.", _sentence(why))
                self._not_before, self._why = time.monotonic() + PAUSE, why
        return Unreachable(why)


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


# What the client's own library raises, in an operator's words.
_TOLD = {
    "NewConnectionError": "nothing answers at that address",
    "NameResolutionError": "no host has that name",
    "ConnectTimeoutError": "no connection in time",
    "ReadTimeoutError": "no answer in time",
    "SSLError": "no secure connection; is its certificate one that is trusted here (?ca=)",
}


def _reason(error: Exception) -> str:
    """What went wrong in a few words, without addresses of ours."""
    if isinstance(error, TransportError):
        info = error.info
        if isinstance(info, dict) and isinstance(told := info.get("error"), dict):
            causes = told.get("root_cause") or [told]
            return f"{error.status_code} {causes[0].get('type')}: {causes[0].get('reason')}"[:300]
        if isinstance(info, Exception):
            return (
                _TOLD.get(type(info).__name__) or f"{type(error).__name__}, {type(info).__name__}"
            )
        return f"it answers {error.status_code}"
    return " ".join(str(error).split())[:300]


@contextmanager
def understood() -> Iterator[None]:
    """What reads an answer stands in here. Raises Unreachable where it is another than promised."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise Unreachable(f"the search cluster's answer is not understood: {error!r}") from error
