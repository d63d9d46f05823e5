"""What a file says about itself, from plain JSON values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from edgeseg.core.errors import InputError
from edgeseg.core.json_values import (
    Reader,
    amount,
    count,
    fields,
    listed,
    named,
    number,
    number_of,
    optional,
    plain,
    positive,
    text,
    truth,
    whole,
    word,
)
from edgeseg.core.types import (
    SCHEMA,
    ChannelOrder,
    Facts,
    Format,
    Framework,
    HeadKind,
    InputFacts,
    Layout,
    Normalization,
    OutputFacts,
    Parity,
    Precision,
    SeenImages,
    Size,
)

__all__ = ["facts_from_json", "size_from_json"]


def facts_from_json(values: Any) -> Facts:
    """Read what `Facts.to_json` wrote; raise InputError for another schema or a wrong field."""
    if isinstance(values, Mapping) and values.get("schema") != SCHEMA:
        raise InputError(f"facts of schema {values.get('schema')!r}: this edgeseg reads schema {SCHEMA}")
    try:
        return Facts(**fields(values, _FACTS, later=_LATER))
    except (ValueError, RecursionError) as error:
        raise InputError(f"damaged facts: {error}; make the file again") from error


def size_from_json(values: Any) -> Size:
    """Read a size; ValueError for what is none."""
    return Size(**fields(values, {"height": number_of, "width": number_of}))


def _normalization(values: Any) -> Normalization:
    found = fields(values, {"mean": listed(number), "std": listed(number), "order": word(ChannelOrder)}, ("order",))
    if (len(found["mean"]), len(found["std"])) != (3, 3):
        raise ValueError("expected three of mean and three of std")
    try:
        return Normalization(**found)
    except InputError as error:
        raise InputError(f"{error}; export it again with --mean and --std") from error


def _input(values: Any) -> InputFacts:
    return InputFacts(**fields(values, _INPUT))


def _output(values: Any) -> OutputFacts:
    return OutputFacts(**fields(values, _OUTPUT))


def _parity(values: Any) -> Parity:
    """Of older files too, which had a share of values left out."""
    found = fields(values, {**_PARITY, "unsteady_percent": plain}, ("unsteady_percent", "other_maxima", "tie_error"))
    return Parity(**{name: value for name, value in found.items() if name != "unsteady_percent"})


def _seen_images(value: Any) -> SeenImages:
    return SeenImages.parse(text(value))


_INPUT: Mapping[str, Reader] = {
    "size": size_from_json,
    "batch": number_of,
    "layout": word(Layout),
    "dtype": text,
    "normalization": _normalization,
    "scale": optional(positive),
    "zero_point": whole,
}
_OUTPUT: Mapping[str, Reader] = {
    "head": word(HeadKind),
    "size": size_from_json,
    "layout": word(Layout),
    "dtype": text,
    "align_corners": truth,
}
_PARITY: Mapping[str, Reader] = {
    "max_error": amount,
    "agreement_percent": amount,
    "images": count,
    "other_maxima": count,
    "tie_error": amount,
}
_FACTS: Mapping[str, Reader] = {
    "model": text,
    "format": word(Format),
    "precision": word(Precision),
    "input": _input,
    "output": _output,
    "classes": listed(text),
    "framework": optional(word(Framework)),
    "params": optional(count),
    "madds": optional(count),
    "weights_sha256": optional(text),
    "parent_sha256": optional(text),
    "recipe": optional(text),
    "target": optional(text),
    "calibration": optional(_seen_images),
    "parity": optional(_parity),
    "tools": named(text),
    "notes": listed(text),
    "schema": count,
}
_LATER = frozenset(each.name for each in dataclasses.fields(Facts)) - {
    "model",
    "format",
    "precision",
    "input",
    "output",
    "classes",
}
"""Those that a file may leave out."""
