"""Form fields as Stripe's clients send them, read strictly.

A specification is a dict of names; a value is a type (`str`, `int`, `bool`, `float`), a tuple of
allowed words, a one-element list (many of these), a dict (fields within) or META (any words).
A name that is not in it is refused, so that no client drifts into what nobody has looked at."""

import re
from collections.abc import Iterable
from typing import Any

from standfirst.subscriptions.standin.errors import invalid

META = "metadata"
MOMENT = {"gt": int, "gte": int, "lt": int, "lte": int}
PAGE: dict[str, Any] = {
    "limit": int, "starting_after": str, "ending_before": str, "expand": [str],
}  # fmt: skip
Spec = dict[str, Any]


def nest(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """`a[b][0]=c` as {"a": {"b": {"0": "c"}}}."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        path = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        if not path or len(path) > 8:
            raise invalid(f"Invalid parameter name: {name}", name)
        place = tree
        for part in path[:-1]:
            place = place.setdefault(part or str(len(place)), {})
            if not isinstance(place, dict):
                raise invalid(f"Parameter is given twice: {name}", name)
        place[path[-1] or str(len(place))] = value
    return tree


def read(spec: Spec, raw: dict[str, Any], required: Iterable[str] = ()) -> dict[str, Any]:
    """The parameters with their types. Raises what Stripe answers to anything else."""
    found = _fields(spec, raw, "")
    for name in required:
        if name not in found:
            raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    return found


def _fields(spec: Spec, raw: dict[str, Any], within: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in raw.items():
        path = f"{within}[{name}]" if within else name
        if name not in spec:
            raise invalid(f"Received unknown parameter: {path}", path, "parameter_unknown")
        found[name] = _value(spec[name], value, path)
    return found


def _value(kind: Any, value: Any, path: str) -> Any:
    if kind == META:
        if value == "":
            return ""
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            raise invalid(f"Invalid object: {path}", path)
        if len(value) > 50 or any(len(k) > 40 or len(v) > 500 for k, v in value.items()):
            raise invalid("Metadata holds 50 keys of 40 letters, 500 letters each.", path)
        return value
    if isinstance(kind, (dict, list)) and value == "":
        return [] if isinstance(kind, list) else ""
    if isinstance(kind, dict):
        if not isinstance(value, dict):
            raise invalid(f"Invalid object: {path}", path)
        if set(kind) == {"*"}:
            return {name: _value(kind["*"], one, f"{path}[{name}]") for name, one in value.items()}
        return _fields(kind, value, path)
    if isinstance(kind, list):
        if not isinstance(value, dict):
            raise invalid(f"Invalid array: {path}", path)
        return [_value(kind[0], one, f"{path}[{name}]") for name, one in value.items()]
    return _word(kind, value, path)


def _word(kind: Any, value: Any, path: str) -> Any:
    if not isinstance(value, str):
        raise invalid(f"Invalid string: {path}", path)
    if isinstance(kind, tuple):
        if value not in kind:
            raise invalid(f"Invalid {path}: must be one of {', '.join(kind)}", path)
        return value
    if kind is bool:
        if value not in ("true", "false"):
            raise invalid(f"Invalid boolean: {value}", path)
        return value == "true"
    if kind is int:
        if not re.fullmatch(r"-?\d{1,12}", value):
            raise invalid(f"Invalid integer: {value}", path, "parameter_invalid_integer")
        return int(value)
    if kind is float:
        if not re.fullmatch(r"\d{1,3}(\.\d{1,4})?", value):
            raise invalid(f"Invalid decimal: {value}", path)
        return float(value)
    if len(value) > 5000:
        raise invalid(f"Invalid string: {path} is too long", path)
    return value
