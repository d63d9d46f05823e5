"""Plain JSON values to typed ones. Readers raise ValueError: the field, what it holds and what was expected."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Container, Mapping
from typing import Any, TypeAlias, get_args

__all__ = [
    "Reader",
    "amount",
    "count",
    "fields",
    "is_text",
    "listed",
    "named",
    "number",
    "number_of",
    "optional",
    "plain",
    "positive",
    "text",
    "truth",
    "whole",
    "word",
]

Reader: TypeAlias = Callable[[Any], Any]

_MOST = 2**63 - 1
_HALF = re.compile("[\ud800-\udfff]")
_SHOWN = 40
"""Characters of a wrong value that an error shows."""


def text(value: Any) -> str:
    """Any text that can be written, which half of a surrogate pair cannot."""
    _checked(isinstance(value, str), value, "text")
    return str(_checked(is_text(value), value, "text of whole characters"))


def is_text(value: str) -> bool:
    """Whether it can be written: that of bytes which are no UTF-8, such as of a file's name, cannot."""
    return not _HALF.search(value)


def plain(value: Any) -> Any:
    """Any JSON value whose numbers are finite."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return named(plain)(value)
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return _checked(value is None or isinstance(value, bool) or _is_finite(value), value, "a finite number")


def truth(value: Any) -> bool:
    """True or false."""
    return bool(_checked(isinstance(value, bool), value, "true or false"))


def count(value: Any) -> int:
    """A whole number from 0."""
    return int(_checked(_is_whole(value) and 0 <= value <= _MOST, value, "a whole number from 0"))


def number_of(value: Any) -> int:
    """A whole number from 1."""
    return int(_checked(_is_whole(value) and 1 <= value <= _MOST, value, "a whole number from 1"))


def whole(value: Any) -> int:
    """A whole number."""
    return int(_checked(_is_whole(value) and abs(value) <= _MOST, value, "a whole number"))


def number(value: Any) -> float:
    """A finite number, an int or a float as it is stored."""
    checked: float = _checked(_is_finite(value), value, "a finite number")
    return checked


def amount(value: Any) -> float:
    """A finite number from 0, an int or a float as it is stored."""
    checked: float = _checked(_is_finite(value) and value >= 0, value, "a finite number from 0")
    return checked


def positive(value: Any) -> float:
    """A finite number above 0, an int or a float as it is stored."""
    checked: float = _checked(_is_finite(value) and value > 0, value, "a finite number above 0")
    return checked


def word(choice: Any) -> Reader:
    """One of a Literal's words."""
    words = get_args(choice)
    return lambda value: _checked(value in words, value, " or ".join(words))


def optional(read: Reader) -> Reader:
    """What another reads, or None."""
    return lambda value: None if value is None else read(value)


def listed(read: Reader) -> Callable[[Any], tuple[Any, ...]]:
    """A list of what another reads."""
    return lambda value: tuple(map(read, _checked(isinstance(value, list | tuple), value, "a list")))


def named(read: Reader) -> Callable[[Any], dict[str, Any]]:
    """An object whose values another reads."""
    return lambda value: fields(value, dict.fromkeys(map(text, _object(value)), read))


def fields(value: Any, readers: Mapping[str, Reader], later: Container[str] = ()) -> dict[str, Any]:
    """An object of these fields and no others, each read; those of `later` may be missing and are left out then."""
    given = _object(value)
    unknown = sorted(given.keys() - readers.keys())
    if unknown:
        raise ValueError(f"unknown field {unknown[0]}")
    found = {}
    for name, read in readers.items():
        if name in given:
            try:
                found[name] = read(given[name])
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
        elif name not in later:
            raise ValueError(f"{name} is missing")
    return found


def _object(value: Any) -> Mapping[str, Any]:
    checked: Mapping[str, Any] = _checked(isinstance(value, Mapping), value, "an object")
    return checked


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    return (_is_whole(value) or isinstance(value, float)) and abs(value) <= sys.float_info.max


def _checked(good: bool, value: Any, expected: str) -> Any:
    if good:
        return value
    shown = json.dumps(value)
    raise ValueError(f"expected {expected}, not {shown if len(shown) <= _SHOWN else f'{shown[:_SHOWN]}...'}")
