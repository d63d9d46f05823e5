"""Whether an exported file is the same function as its source."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import ExportError, ParityError
from edgeseg.core.protocols import Session
from edgeseg.core.types import Parity
from edgeseg.exporters.program import Program

__all__ = [
    "MAX_ERROR",
    "MAX_TIE_ERROR",
    "MIN_AGREEMENT_PERCENT",
    "Winners",
    "failure",
    "first_difference",
    "parity",
    "passes",
]

MAX_ERROR = 1e-3
"""Largest allowed |difference|, relative to the spread of what the source gives."""

MIN_AGREEMENT_PERCENT = 99.9

MAX_TIE_ERROR = 1e-5
"""How far below its cell's maximum rounding may take a pixel for it, relative to the spread of what is pooled."""

Winners: TypeAlias = Callable[[NDArray[Any]], Sequence[NDArray[np.uint8]]]
"""From a batch in the file's layout to the winners of its max poolings, as `maxima.winners` gives them."""


def _channels_last(array: NDArray[Any], layout: str) -> NDArray[Any]:
    return array.transpose(0, 2, 3, 1) if layout == "NCHW" and array.ndim == 4 else array


def _channels_first(array: NDArray[Any], layout: str) -> NDArray[Any]:
    return np.ascontiguousarray(array.transpose(0, 3, 1, 2)) if layout == "NCHW" else array


def parity(
    program: Program, session: Session, batches: Iterable[NDArray[Any]], winners: Winners | None = None
) -> Parity:
    """Compare on (N, H, W, 3) batches of prepared images.

    Every value counts, and every pixel but those whose two best scores lie nearer than the tolerance. Where a batch
    does not pass, the file may have taken other maxima than the source to unpool to. With `winners` the source is then
    run with the file's, and compared in full once more; but if one of them is no tie in the source, the first result
    stays.
    """
    return _summary([_of_batch(program, session, batch, winners) for batch in batches])


@dataclass(frozen=True)
class _Result:
    """Of one batch: its largest error, and how many of the clear pixels have the same class."""

    images: int
    max_error: float
    equal: int
    clear: int
    other_maxima: int = 0
    tie_error: float = 0.0


def _summary(results: Sequence[_Result]) -> Parity:
    clear = sum(result.clear for result in results)
    return Parity(
        float(np.max([result.max_error for result in results])),
        100.0 * sum(result.equal for result in results) / clear if clear else 100.0,
        sum(result.images for result in results),
        sum(result.other_maxima for result in results),
        float(np.max([result.tie_error for result in results])),
    )


def _of_batch(program: Program, session: Session, batch: NDArray[Any], winners: Winners | None) -> _Result:
    given = _channels_first(batch, session.facts.input.layout)
    classes, scores = session.classmap(given), None
    if program.output.head != "classmap":
        scores = _channels_last(session(given), session.facts.output.layout)
    whole = None if scores is None or program.complete is None else program.complete(scores)
    plain = _compared(scores, classes, *program.reference(batch), whole)
    followed = program.follow(batch, winners(given)) if winners and not passes(_summary([plain])) else None
    if followed is None:
        return plain
    is_tie = followed.tie_error <= MAX_TIE_ERROR
    result = _compared(scores, classes, followed.expected, followed.logits, whole) if is_tie else plain
    return replace(result, other_maxima=followed.other_maxima, tie_error=followed.tie_error)


def _compared(
    scores: NDArray[Any] | None,
    classes: NDArray[Any],
    expected: NDArray[Any],
    logits: NDArray[Any],
    whole: NDArray[Any] | None,
) -> _Result:
    """`whole` is what becomes of scores that are not the logits: of one file's rounding it has as much as they have."""
    if not np.isfinite(logits).all():
        raise ExportError("the network itself gives logits that are no numbers (NaN or infinity); look at its weights")
    error = 0.0
    if scores is not None:
        if scores.shape != expected.shape:
            raise ParityError(f"output of shape {scores.shape} where the source gives {expected.shape}")
        spread = _spread(expected)
        error = _largest(scores - expected) / spread
        if whole is not None:
            error = max(error, _largest(whole - logits) / max(spread, _spread(logits)))
    best = np.partition(logits, -2, axis=-1)[..., -2:]
    clear = best[..., 1] - best[..., 0] > MAX_ERROR * _spread(logits)
    same = classes == logits.argmax(-1)
    return _Result(len(logits), error, int((same & clear).sum()), int(clear.sum()))


def _largest(difference: NDArray[Any]) -> float:
    return float(np.abs(difference).max()) if np.isfinite(difference).all() else float("inf")


def _spread(values: NDArray[Any]) -> float:
    return float(values.max() - values.min()) or 1.0


def passes(found: Parity) -> bool:
    """Whether a file counts as the same function as its source."""
    return (
        found.max_error <= MAX_ERROR
        and found.agreement_percent >= MIN_AGREEMENT_PERCENT
        and found.tie_error <= MAX_TIE_ERROR
    )


def failure(found: Parity, name: str, where: str | None) -> ParityError:
    """The error for a file that does not pass, with the first layer that differs where it is known."""
    below = f"{found.tie_error:.2g} of the spread below its cell's (allowed {MAX_TIE_ERROR:g})"
    tie = "" if found.tie_error <= MAX_TIE_ERROR else f"; a maximum that it unpools to lies {below}"
    layer = f"; the first layer that differs is {where}" if where else ""
    largest = f"largest difference {found.max_error:.2g} of the scores' spread"
    if found.max_error == math.inf:
        largest = "it gives what is no number where the network gives one"
    agreement = f"{found.agreement_percent:.2f} % (needed {MIN_AGREEMENT_PERCENT:g} %)"
    return ParityError(
        f"{name}: the exported file is not the same function: {largest} (allowed {MAX_ERROR:g}), arg-max agreement "
        f"{agreement}{tie}{layer}; try another --head, or report the layer to its exporter"
    )


def first_difference(program: Program, session: Session, batch: NDArray[Any]) -> str | None:
    """The source's first layer after the last one whose output is found among the file's tensors.

    Layers that the exporter folded into others have no counterpart, so the search goes from the end. None where
    every layer has a counterpart, or none has.
    """
    tensors: dict[tuple[int, ...], list[NDArray[Any]]] = {}
    given = _channels_first(batch, session.facts.input.layout)
    for _, value in session.tensors(given):
        if value.ndim == 4 and value.dtype.kind == "f":
            for view in (value, value.transpose(0, 2, 3, 1)):
                tensors.setdefault(view.shape, []).append(view)
    return _after_last_match(program.layers(batch), tensors)


def _after_last_match(
    layers: Iterator[tuple[str, NDArray[Any]]], tensors: dict[tuple[int, ...], list[NDArray[Any]]]
) -> str | None:
    suspect, matched = None, False
    for name, value in layers:
        tolerance = MAX_ERROR * (float(value.max() - value.min()) or 1.0)
        if any(np.abs(other - value).max() <= tolerance for other in tensors.get(value.shape, [])):
            suspect, matched = None, True
        elif suspect is None:
            suspect = name
    return suspect if matched else None
