"""What is refused, in the shapes in which Stripe refuses."""

from typing import Any


class Refused(Exception):  # noqa: N818
    """An answer other than 200. `keep` says that what was done so far stays done: a declined
    card leaves its failed attempt behind, an invalid parameter leaves nothing."""

    def __init__(
        self, status: int, kind: str, message: str, *, keep: bool = False, **more: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.keep = keep
        self.error = {"type": kind, "message": message}
        self.error |= {name: value for name, value in more.items() if value is not None}

    @property
    def body(self) -> dict[str, Any]:
        return {"error": self.error}


def invalid(message: str, param: str | None = None, code: str | None = None) -> Refused:
    return Refused(400, "invalid_request_error", message, param=param, code=code)


def beyond(message: str, param: str | None = None) -> Refused:
    """Stripe may well be able to do it; the stand-in is not, and says so instead of guessing."""
    return invalid(f"The stand-in does not cover this: {message}", param, "standin_not_covered")


def missing(kind: str, key: str, param: str = "id", *, status: int = 404) -> Refused:
    noun = kind.split(".")[-1].replace("_", " ")
    message = f"No such {noun}: '{key}'"
    return Refused(status, "invalid_request_error", message, code="resource_missing", param=param)


def declined(code: str, decline: str | None, message: str, **more: Any) -> Refused:
    """The card said no; the attempt is kept."""
    return Refused(
        402, "card_error", message, keep=True, code=code, decline_code=decline, param="", **more
    )
