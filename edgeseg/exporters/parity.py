"""Whether an exported file is the same function as its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import ParityError
from edgeseg.core.protocols import Session
from edgeseg.core.types import Parity
from edgeseg.exporters.program import Program

__all__ = ["MAX_ERROR", "MIN_AGREEMENT_PERCENT", "failure", "first_difference", "parity", "passes"]

MAX_ERROR = 1e-3
"""Largest allowed |difference|, relative to the spread of the source's logits."""

MIN_AGREEMENT_PERCENT = 99.9

MAX_UNSTEADY_PERCENT = 1.0
_NUDGES = 8
_NUDGE = 1e-6
"""Largest change of a pixel that stands for rounding, relative to the largest pixel."""


def _channels_last(array: NDArray[Any], layout: str) -> NDArray[Any]:
    return array.transpose(0, 2, 3, 1) if layout == "NCHW" and array.ndim == 4 else array


def _channels_first(array: NDArray[Any], layout: str) -> NDArray[Any]:
    return np.ascontiguousarray(array.transpose(0, 3, 1, 2)) if layout == "NCHW" else array


def parity(program: Program, session: Session, batches: Iterable[NDArray[Any]]) -> Parity:
    """Compare on (N, H, W, 3) batches of prepared images.

    Pixels whose two best scores lie nearer than the tolerance may differ in class; all others count. Where values
    differ, those are left out that the source itself gives differently for an image changed by a rounding error, as a
    network does that unpools to the place of a maximum: no file can be nearer to it than it is to itself.
    """
    worst, unsteady, equal, counted, images = 0.0, 0.0, 0, 0, 0
    for batch in batches:
        expected, logits = program.reference(batch)
        given = _channels_first(batch, session.facts.input.layout)
        spread = float(logits.max() - logits.min()) or 1.0
        if program.output.head != "classmap":
            actual = _channels_last(session(given), session.facts.output.layout)
            if actual.shape != expected.shape:
                raise ParityError(f"output of shape {actual.shape} where the source gives {expected.shape}")
            difference = np.abs(actual - expected) / spread
            if np.isfinite(difference).all() and difference.max() > MAX_ERROR:
                moved = _moved_by_rounding(program, batch, expected) > MAX_ERROR / 2 * spread
                unsteady = max(unsteady, 100.0 * float(moved.mean()))
                difference[moved] = 0
            worst = max(worst, float(difference.max())) if np.isfinite(difference).all() else float("inf")
        best = np.partition(logits, -2, axis=-1)[..., -2:]
        clear = best[..., 1] - best[..., 0] > MAX_ERROR * spread
        same = session.classmap(given) == logits.argmax(-1)
        equal += int((same & clear).sum())
        counted += int(clear.sum())
        images += len(batch)
    return Parity(worst, 100.0 * equal / counted if counted else 100.0, images, unsteady)


def _moved_by_rounding(program: Program, batch: NDArray[Any], expected: NDArray[Any]) -> NDArray[Any]:
    """How far each value of the source's output moves at most under several changes of the image by rounding errors."""
    random, largest = np.random.default_rng(0), _NUDGE * np.abs(batch).max()
    moved = np.zeros_like(expected)
    for _ in range(_NUDGES):
        nudged = batch + random.uniform(-largest, largest, batch.shape).astype(batch.dtype)
        np.maximum(moved, np.abs(program.reference(nudged)[0] - expected), out=moved)
    return moved


def passes(found: Parity) -> bool:
    """Whether a file counts as the same function as its source."""
    return (
        found.max_error <= MAX_ERROR
        and found.agreement_percent >= MIN_AGREEMENT_PERCENT
        and found.unsteady_percent <= MAX_UNSTEADY_PERCENT
    )


def failure(found: Parity, name: str, where: str | None) -> ParityError:
    """The error for a file that does not pass, with the first layer that differs where it is known."""
    layer = f"; the first layer that differs is {where}" if where else ""
    return ParityError(
        f"{name}: the exported file is not the same function: largest difference {found.max_error:.2g} of the logits' "
        f"spread (allowed {MAX_ERROR:g}), arg-max agreement {found.agreement_percent:.2f} % (needed "
        f"{MIN_AGREEMENT_PERCENT:g} %){layer}; try another --head, or report the layer to its exporter"
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
