"""The class-map kernels, compiled by numba. They run on one thread: a pool of their own would fight the runtime's."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from edgeseg.runtimes.interpolation import Axis

__all__ = ["argmax_pixels", "argmax_planes", "upsample_argmax"]

_BLOCK = 4096
_FEW = 100
"""Pixels of a cell up to which evaluating every class takes less time than leaving classes out."""


def _compiled(function: Any) -> Any:
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder that numba may keep a cache in: compile in every process
        return numba.njit(nogil=True)(function)


def upsample_argmax(scores: NDArray[np.float32], rows: Axis, columns: Axis) -> NDArray[np.uint8]:
    """(h, w, C) -> (H, W)."""
    classmap = np.empty((rows.low.size, columns.low.size), np.uint8)
    _upsample_argmax(
        scores,
        rows.starts,
        rows.low_weight,
        rows.high_weight,
        columns.starts,
        columns.low_weight,
        columns.high_weight,
        classmap,
    )
    return classmap


def argmax_planes(logits: NDArray[Any]) -> NDArray[np.uint8]:
    """(C, n) -> (n,)."""
    winners = np.empty(logits.shape[1], np.uint8)
    _argmax_planes(logits, winners)
    return winners


def argmax_pixels(logits: NDArray[Any]) -> NDArray[np.uint8]:
    """(n, C) -> (n,)."""
    winners = np.empty(logits.shape[0], np.uint8)
    _argmax_pixels(logits, winners)
    return winners


@_compiled
def _argmax_pixels(logits: Any, winners: Any) -> None:
    for i in range(logits.shape[0]):
        best, winner = logits[i, 0], 0
        for k in range(1, logits.shape[1]):
            score = logits[i, k]
            winner = k if score > best else winner
            best = max(score, best)
        winners[i] = winner


@_compiled
def _challenge(k: Any, plane: Any, best: Any, winner: Any) -> None:
    for i in range(plane.size):
        score, leading, leader = plane[i], best[i], winner[i]
        winner[i] = k if score > leading else leader
        best[i] = max(score, leading)


@_compiled
def _argmax_planes(logits: Any, winners: Any) -> None:
    best = np.empty(_BLOCK, logits.dtype)
    for start in range(0, winners.size, _BLOCK):
        winner = winners[start : start + _BLOCK]
        size = winner.size
        best[:size] = logits[0, start : start + size]
        winner[:] = 0
        for k in range(1, logits.shape[0]):
            _challenge(np.uint8(k), logits[k, start : start + size], best, winner)


@_compiled
def _is_beaten(k: Any, leader: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    if leader < k:
        return a[leader] >= a[k] and b[leader] >= b[k] and c[leader] >= c[k] and d[leader] >= d[k]
    return a[leader] > a[k] and b[leader] > b[k] and c[leader] > c[k] and d[leader] > d[k]


@_compiled
def _candidates(leaders: Any, a: Any, b: Any, c: Any, d: Any, candidates: Any) -> Any:
    """The classes that no leader of a corner beats throughout the cell, in ascending order; returns their number."""
    count = 0
    for k in range(a.size):
        beaten = False
        for leader in leaders:
            if leader != k and _is_beaten(k, leader, a, b, c, d):
                beaten = True
                break
        if not beaten:
            candidates[count] = k
            count += 1
    return count


@_compiled
def _fill_mixed(
    a: Any, b: Any, c: Any, d: Any, candidates: Any, top: Any, bottom: Any, left: Any, right: Any, best: Any, out: Any
) -> None:
    """Every pixel of a cell with the corners a b / c d; the loops over x are what the compiler vectorises."""
    for y in range(out.shape[0]):
        winner = out[y]
        winner[:] = candidates[0]
        best[: winner.size] = -np.inf
        for k in candidates:
            west, east = top[y] * a[k] + bottom[y] * c[k], top[y] * b[k] + bottom[y] * d[k]
            for x in range(winner.size):
                score = left[x] * west + right[x] * east
                leading, leader = best[x], winner[x]
                winner[x] = k if score > leading else leader
                best[x] = max(score, leading)


@_compiled
def _fill_few(
    a: Any, b: Any, c: Any, d: Any, top: Any, bottom: Any, left: Any, right: Any, west: Any, east: Any, out: Any
) -> None:
    """As `_fill_mixed`, of all classes, for a cell of so few pixels that the loops over classes are the longer ones."""
    for y in range(out.shape[0]):
        for k in range(a.size):
            west[k], east[k] = top[y] * a[k] + bottom[y] * c[k], top[y] * b[k] + bottom[y] * d[k]
        for x in range(out.shape[1]):
            best, winner = -np.inf, 0
            for k in range(a.size):
                score = left[x] * west[k] + right[x] * east[k]
                winner = k if score > best else winner
                best = max(score, best)
            out[y, x] = winner


@_compiled
def _upsample_argmax(
    scores: Any, rows: Any, top: Any, bottom: Any, columns: Any, left: Any, right: Any, out: Any
) -> None:
    height, width, classes = scores.shape
    leaders = np.empty((height, width), np.uint8)
    for i in range(height):
        _argmax_pixels(scores[i], leaders[i])
    candidates = np.empty(classes, np.uint8)
    best, west, east = np.empty(out.shape[1]), np.empty(classes), np.empty(classes)
    for i in range(height):
        i1, y0, y1 = min(i + 1, height - 1), rows[i], rows[i + 1]
        for j in range(width):
            j1, x0, x1 = min(j + 1, width - 1), columns[j], columns[j + 1]
            corners = (leaders[i, j], leaders[i, j1], leaders[i1, j], leaders[i1, j1])
            if corners[0] == corners[1] and corners[0] == corners[2] and corners[0] == corners[3]:
                out[y0:y1, x0:x1] = corners[0]
            elif y0 < y1 and x0 < x1:
                a, b, c, d = scores[i, j], scores[i, j1], scores[i1, j], scores[i1, j1]
                up, down, near, far, cell = top[y0:y1], bottom[y0:y1], left[x0:x1], right[x0:x1], out[y0:y1, x0:x1]
                if cell.size <= _FEW:
                    _fill_few(a, b, c, d, up, down, near, far, west, east, cell)
                else:
                    count = _candidates(corners, a, b, c, d, candidates)
                    _fill_mixed(a, b, c, d, candidates[:count], up, down, near, far, best, cell)
