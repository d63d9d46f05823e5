"""The class-map kernels, compiled by numba. They run on one thread: a pool of their own would fight the runtime's."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from edgeseg.runtimes.interpolation import Axis

__all__ = ["argmax_pixels", "argmax_planes", "upsample_argmax"]

_BLOCK = 4096
_FEW = 8
"""Pixels of a cell up to which evaluating every class takes less time than leaving classes out."""


def _compiled(function: Any) -> Any:
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder that numba may keep a cache in: compile in every process
        return numba.njit(nogil=True)(function)


def upsample_argmax(scores: NDArray[np.float32], rows: Axis, columns: Axis) -> NDArray[np.uint8]:
    """(h, w, C) -> (H, W)."""
    classmap = np.empty((rows.low.size, columns.low.size), np.uint8)
    weights = (rows.low_weight, rows.high_weight, columns.low_weight, columns.high_weight)
    _upsample_argmax(scores, rows.starts, columns.starts, weights, classmap)
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


# A cell is (north, south, west, east), the indices of its corners; its pixels are (y0, y1, x0, x1); the weights of the
# corners are (above, below) by y and (before, after) by x. Elements are named by their indices throughout, since a view
# of an array costs more than a pixel.


@_compiled
def _leave_out(scores: Any, cell: Any, leader: Any, left_out: Any) -> None:
    """Mark the classes that the leader of a corner beats at all four, and so throughout the cell."""
    north, south, west, east = cell
    a, b = scores[north, west, leader], scores[north, east, leader]
    c, d = scores[south, west, leader], scores[south, east, leader]
    for k in range(leader):
        ahead = (a > scores[north, west, k]) & (b > scores[north, east, k])
        left_out[k] |= ahead & (c > scores[south, west, k]) & (d > scores[south, east, k])
    for k in range(leader + 1, left_out.size):
        ahead = (a >= scores[north, west, k]) & (b >= scores[north, east, k])
        left_out[k] |= ahead & (c >= scores[south, west, k]) & (d >= scores[south, east, k])


@_compiled
def _candidates(scores: Any, leaders: Any, cell: Any, left_out: Any, candidates: Any) -> Any:
    """The classes that no leader of a corner beats throughout the cell, in ascending order; returns their number."""
    north, south, west, east = cell
    a, b, c, d = leaders[north, west], leaders[north, east], leaders[south, west], leaders[south, east]
    for k in range(left_out.size):
        left_out[k] = False
    _leave_out(scores, cell, a, left_out)
    if b != a:
        _leave_out(scores, cell, b, left_out)
    if c not in (a, b):
        _leave_out(scores, cell, c, left_out)
    if d not in (a, b, c):
        _leave_out(scores, cell, d, left_out)
    count = 0
    for k in range(left_out.size):
        if not left_out[k]:
            candidates[count] = k
            count += 1
    return count


@_compiled
def _fill_mixed(scores: Any, cell: Any, pixels: Any, weights: Any, candidates: Any, best: Any, out: Any) -> None:
    """Every pixel of a cell; the loops over x are what the compiler vectorises."""
    (north, south, west, east), (y0, y1, x0, x1), (above, below, before, after) = cell, pixels, weights
    chosen, count = candidates
    for y in range(y0, y1):
        k, up, down = chosen[0], above[y], below[y]
        left = up * scores[north, west, k] + down * scores[south, west, k]
        right = up * scores[north, east, k] + down * scores[south, east, k]
        if count == 2:
            other = chosen[1]
            other_left = up * scores[north, west, other] + down * scores[south, west, other]
            other_right = up * scores[north, east, other] + down * scores[south, east, other]
            for x in range(x0, x1):
                score, rival = before[x] * left + after[x] * right, before[x] * other_left + after[x] * other_right
                out[y, x] = other if rival > score else k
            continue
        for x in range(x0, x1):
            best[x] = before[x] * left + after[x] * right
            out[y, x] = k
        for index in range(1, count):
            k = chosen[index]
            left = up * scores[north, west, k] + down * scores[south, west, k]
            right = up * scores[north, east, k] + down * scores[south, east, k]
            for x in range(x0, x1):
                score = before[x] * left + after[x] * right
                out[y, x] = k if score > best[x] else out[y, x]
                best[x] = max(score, best[x])


@_compiled
def _fill_few(scores: Any, cell: Any, pixels: Any, weights: Any, left: Any, right: Any, out: Any) -> None:
    """As `_fill_mixed`, of all classes, for a cell of so few pixels that the loops over classes are the longer ones."""
    (north, south, west, east), (y0, y1, x0, x1), (above, below, before, after) = cell, pixels, weights
    for y in range(y0, y1):
        up, down = above[y], below[y]
        for k in range(left.size):
            left[k] = up * scores[north, west, k] + down * scores[south, west, k]
            right[k] = up * scores[north, east, k] + down * scores[south, east, k]
        for x in range(x0, x1):
            best, winner = -np.inf, 0
            for k in range(left.size):
                score = before[x] * left[k] + after[x] * right[k]
                winner = k if score > best else winner
                best = max(score, best)
            out[y, x] = winner


@_compiled
def _upsample_argmax(scores: Any, rows: Any, columns: Any, weights: Any, out: Any) -> None:
    height, width, classes = scores.shape
    leaders = np.empty((height, width), np.uint8)
    for i in range(height):
        _argmax_pixels(scores[i], leaders[i])
    candidates, left_out = np.empty(classes, np.uint8), np.empty(classes, np.bool_)
    best, left, right = np.empty(out.shape[1]), np.empty(classes), np.empty(classes)
    for i in range(height):
        i1, y0, y1 = min(i + 1, height - 1), rows[i], rows[i + 1]
        for j in range(width):
            j1, x0, x1 = min(j + 1, width - 1), columns[j], columns[j + 1]
            leader, cell, pixels = leaders[i, j], (i, i1, j, j1), (y0, y1, x0, x1)
            if leader == leaders[i, j1] and leader == leaders[i1, j] and leader == leaders[i1, j1]:
                out[y0:y1, x0:x1] = leader
            elif (y1 - y0) * (x1 - x0) <= _FEW:
                _fill_few(scores, cell, pixels, weights, left, right, out)
            else:
                count = _candidates(scores, leaders, cell, left_out, candidates)
                _fill_mixed(scores, cell, pixels, weights, (candidates, count), best, out)
