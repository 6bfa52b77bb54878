"""Are answers of the stand-in what the SDK's own types say? JSON against their annotations."""

import importlib
import inspect
import pkgutil
import re
import typing
from functools import cache
from typing import Any

import stripe
from stripe import StripeObject

BARE = {int: int, str: str, bool: bool, float: (int, float)}


@cache
def classes() -> dict[str, type]:
    """Every class of the SDK, by module and name."""
    found: dict[str, type] = {}
    for module in pkgutil.walk_packages(stripe.__path__, "stripe."):
        if ".params." in module.name or module.name.endswith("_service"):
            continue
        for name, one in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(one, StripeObject) and one.__module__ == module.name:
                found.setdefault(f"{module.name}.{name}", one)
    return found


@cache
def by_object() -> dict[str, type]:
    return {one.OBJECT_NAME: one for one in classes().values() if hasattr(one, "OBJECT_NAME")}


@cache
def fields_of(kind: type) -> dict[str, Any]:
    types = inspect.get_annotations(kind)
    return {name: one for name, one in types.items() if name.lower() == name and name[0] != "_"}


def wrong(thing: Any, where: str = "") -> list[str]:
    """Everything in which an object of the API differs from the SDK's class for it."""
    kind = by_object().get(thing.get("object"))
    if kind is None:
        return [f"{where}: the SDK knows no {thing.get('object')!r}"]
    return _fields(thing, kind, where or thing["object"])


def _fields(thing: dict[str, Any], kind: type, where: str) -> list[str]:
    found: list[str] = []
    types = fields_of(kind)
    for name in thing:
        if name not in types:
            found.append(f"{where}.{name} is not a field of {kind.__qualname__}")
    for name, one in types.items():
        if name in thing:
            found += _value(thing[name], one, f"{where}.{name}")
        elif type(None) not in typing.get_args(one):
            found.append(f"{where}.{name} is missing")
    return found


def _value(value: Any, kind: Any, where: str) -> list[str]:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, (str, typing.ForwardRef)):
        name = kind if isinstance(kind, str) else kind.__forward_arg__
        if isinstance(value, dict) and value.get("object"):
            return wrong(value, where)
        return [] if isinstance(value, dict) else [f"{where}: {value!r} is no {name}"]
    if origin is typing.Union:
        if value is None:
            return [] if type(None) in args else [f"{where} is null"]
        tried = [_value(value, one, where) for one in args if one is not type(None)]
        words = [one for one in args if typing.get_origin(one) is typing.Literal]
        if words and isinstance(value, str):  # Union[Literal[...], str]: only the words are meant
            return _value(value, words[0], where)
        return min(tried, key=len)
    if origin is typing.Literal:
        return [] if value in args else [f"{where}: {value!r} is not one of {args}"]
    if origin is list:
        if not isinstance(value, list):
            return [f"{where}: {value!r} is no list"]
        return [one for n, each in enumerate(value) for one in
                _value(each, args[0], f"{where}[{n}]")]  # fmt: skip
    if kind is Any or isinstance(kind, typing.TypeVar):
        return []
    if kind in BARE:
        fits = isinstance(value, BARE[kind]) and (kind is bool or not isinstance(value, bool))
        return [] if fits else [f"{where}: {value!r} is no {kind.__name__}"]
    name = getattr(origin or kind, "__name__", str(kind))
    if name == "Decimal":
        return (
            [] if re.fullmatch(r"-?\d+(\.\d+)?", str(value)) else [f"{where}: {value!r} no decimal"]
        )
    if name == "ListObject":
        if not isinstance(value, dict) or set(value) != {"object", "data", "has_more", "url"}:
            return [f"{where} is no list object"]
        return [one for n, each in enumerate(value["data"]) for one in
                _value(each, args[0], f"{where}.data[{n}]")]  # fmt: skip
    if name == "UntypedStripeObject":
        return [] if isinstance(value, dict) else [f"{where}: {value!r} is no object"]
    if isinstance(kind, type) and issubclass(kind, StripeObject):
        return _fields(value, kind, where) if isinstance(value, dict) else [f"{where}: {value!r}"]
    return [f"{where}: the checker does not know {kind!r}"]
