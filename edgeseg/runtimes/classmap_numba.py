"""The class-map kernels, compiled by numba. They run on one thread: a pool of their own would fight the runtime's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from edgeseg.core.compiling import compiled_by
from edgeseg.runtimes.interpolation import Axis

__all__ = ["argmax_pixels", "argmax_planes", "upsample_argmax"]

_BLOCK = 4096
_FEW = 8
"""Pixels of a cell up to which evaluating every class takes less time than leaving classes out."""
_WHOLE = 0.4
"""The share of all classes in all cells above which evaluating those that are left takes more time than all at once."""
_WHOLE_FEW = 0.5
"""The same where cells have few pixels, and no class is left out in a mixed one."""


def upsample_argmax(
    scores: NDArray[np.float32], leaders: NDArray[np.uint8], rows: Axis, columns: Axis, precision: type
) -> NDArray[np.uint8]:
    """(h, w, C) and their arg-max (h, w) -> (H, W), computed in float64 or, where that is exact, in float32."""
    classmap = np.empty((rows.low.size, columns.low.size), np.uint8)
    sides = (rows.low_weight, rows.high_weight, columns.low_weight, columns.high_weight)
    weights: tuple[NDArray[Any], ...] = tuple(side.astype(precision) for side in sides)
    pixels = columns.starts[:-1] + np.arange(-(-classmap.shape[1] // scores.shape[1]))[:, None]
    phases = tuple(weight[np.minimum(pixels, classmap.shape[1] - 1)] for weight in weights[2:])
    _upsample_argmax(scores, leaders, (rows.starts, columns.starts), weights, phases, classmap)
    return classmap


def argmax_planes(logits: NDArray[Any]) -> NDArray[np.uint8]:
    """(C, n) -> (n,)."""
    winners = np.empty(logits.shape[1], np.uint8)
    _argmax_planes(logits, winners)
    return winners


def argmax_pixels(logits: NDArray[Any]) -> NDArray[np.uint8]:
    """(n, C) -> (n,)."""
    winners = np.empty(logits.shape[0], np.uint8)
    whole = logits.dtype.kind in "iu" and logits.itemsize <= 4
    (_argmax_integers if whole else _argmax_pixels)(logits, winners)
    return winners


@compiled_by(njit)
def _argmax_integers(logits: Any, winners: Any) -> None:
    """A score and its class in one number, of which the largest is found without a branch."""
    for i in range(logits.shape[0]):
        best = np.int64(logits[i, 0]) << 8
        for k in range(1, logits.shape[1]):
            best = max(best, (np.int64(logits[i, k]) << 8) - k)
        winners[i] = -best & 255


@compiled_by(njit)
def _argmax_pixels(logits: Any, winners: Any) -> None:
    for i in range(logits.shape[0]):
        best, winner = logits[i, 0], 0
        for k in range(1, logits.shape[1]):
            score = logits[i, k]
            winner = k if score > best else winner
            best = max(score, best)
        winners[i] = winner


@compiled_by(njit)
def _challenge(k: Any, plane: Any, best: Any, winner: Any) -> None:
    for i in range(plane.size):
        score, leading, leader = plane[i], best[i], winner[i]
        winner[i] = k if score > leading else leader
        best[i] = max(score, leading)


@compiled_by(njit)
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


@compiled_by(njit)
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


@compiled_by(njit)
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


@compiled_by(njit)
def _fill_mixed(scores: Any, cell: Any, pixels: Any, weights: Any, candidates: Any, best: Any, out: Any) -> None:
    """Every pixel of a cell; the compiler vectorises the loops over x, once it knows that no x is negative."""
    (north, south, west, east), (y0, y1, x0, x1), (above, below, before, after) = cell, pixels, weights
    chosen, count = candidates
    first, last = np.uintp(x0), np.uintp(x1)
    for y in range(np.uintp(y0), np.uintp(y1)):
        k, up, down = chosen[0], above[y], below[y]
        left = up * scores[north, west, k] + down * scores[south, west, k]
        right = up * scores[north, east, k] + down * scores[south, east, k]
        if count == 2:
            other = chosen[1]
            other_left = up * scores[north, west, other] + down * scores[south, west, other]
            other_right = up * scores[north, east, other] + down * scores[south, east, other]
            for x in range(first, last):
                score, rival = before[x] * left + after[x] * right, before[x] * other_left + after[x] * other_right
                out[y, x] = other if rival > score else k
            continue
        for x in range(first, last):
            best[x] = before[x] * left + after[x] * right
            out[y, x] = k
        for index in range(1, count):
            k = chosen[index]
            left = up * scores[north, west, k] + down * scores[south, west, k]
            right = up * scores[north, east, k] + down * scores[south, east, k]
            for x in range(first, last):
                score = before[x] * left + after[x] * right
                out[y, x] = k if score > best[x] else out[y, x]
                best[x] = max(score, best[x])


@compiled_by(njit)
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


@compiled_by(njit)
def _load_row(scores: Any, i: Any, planes: Any) -> None:
    """(h, w, C) -> row i as (C, w + 1), its last pixel twice."""
    _, width, classes = scores.shape
    for k in range(classes):
        for j in range(width):
            planes[k, j] = scores[i, j, k]
        planes[k, width] = planes[k, width - 1]


@compiled_by(njit)
def _blend(north: Any, south: Any, above: Any, below: Any, blended: Any) -> None:
    for j in range(blended.size):
        blended[j] = above * north[j] + below * south[j]


@compiled_by(njit)
def _challenge_between(k: Any, blended: Any, before: Any, after: Any, best: Any, winner: Any) -> None:
    for j in range(best.size):
        score = before[j] * blended[j] + after[j] * blended[j + 1]
        leading, leader = best[j], winner[j]
        winner[j] = k if score > leading else leader
        best[j] = max(score, leading)


@compiled_by(njit)
def _fill_row(north: Any, south: Any, rows: Any, columns: Any, weights: Any, phases: Any, out: Any) -> None:
    """Every pixel between two rows of scores, all first pixels of the cells at once, then all second ones and so on."""
    (y0, y1), (above, below, before, after), (first, second) = rows, weights, phases
    (classes, width), many = north[:, 1:].shape, first.shape[0]
    blended, best = np.empty((classes, width + 1), above.dtype), np.empty(width, above.dtype)
    winner = np.empty(width, np.uint8)
    for y in range(y0, y1):
        for k in range(classes):
            _blend(north[k], south[k], above[y], below[y], blended[k])
        for phase in range(many):
            best[:], winner[:] = -np.inf, 0
            for k in range(classes):
                _challenge_between(np.uint8(k), blended[k], first[phase], second[phase], best, winner)
            for j in range(width):
                if columns[j] + phase < columns[j + 1]:
                    out[y, columns[j] + phase] = winner[j]
        for j in range(width):
            for x in range(columns[j] + many, columns[j + 1]):
                highest = -np.inf
                for k in range(classes):
                    score = before[x] * blended[k, j] + after[x] * blended[k, j + 1]
                    if score > highest:
                        highest, out[y, x] = score, k


@compiled_by(njit)
def _fill_unmixed(scores: Any, leaders: Any, row: Any, columns: Any, limit: Any, mixed: Any, out: Any) -> Any:
    """Fill the cells of a row, list those whose corners differ with the classes that are to be evaluated in them.

    A row of pixels is filled by cells and then copied, which takes less time than filling every cell by itself.

    Returns how many others there are and how many classes they have in all, by which it stops beyond `limit`.
    """
    (i, i1, y0, y1, few), (places, counts, candidates, left_out) = row, mixed
    _, width, classes = scores.shape
    many, work = 0, 0
    for j in range(width):
        j1, leader = min(j + 1, width - 1), leaders[i, j]
        for x in range(columns[j], columns[j + 1]):
            out[y0, x] = leader
        if leader == leaders[i, j1] and leader == leaders[i1, j] and leader == leaders[i1, j1]:
            continue
        counts[many] = classes
        if not few:
            counts[many] = _candidates(scores, leaders, (i, i1, j, j1), left_out, candidates[many])
        places[many] = j
        work += counts[many]
        many += 1
        if work > limit:
            return many, work
    for y in range(y0 + 1, y1):
        out[y] = out[y0]
    return many, work


@compiled_by(njit)
def _upsample_argmax(scores: Any, leaders: Any, starts: Any, weights: Any, phases: Any, out: Any) -> None:
    height, width, classes = scores.shape
    (rows, columns), precision = starts, weights[0].dtype
    places, counts = np.empty(width, np.int64), np.empty(width, np.int64)
    candidates, left_out = np.empty((width, classes), np.uint8), np.empty(classes, np.bool_)
    best, left, right = np.empty(out.shape[1], precision), np.empty(classes, precision), np.empty(classes, precision)
    planes, loaded = np.empty((2, classes, width + 1), precision), np.full(2, -1)
    for i in range(height):
        i1, y0, y1 = min(i + 1, height - 1), rows[i], rows[i + 1]
        if y0 == y1:
            continue
        few = (y1 - y0) * phases[0].shape[0] <= _FEW
        limit = width * classes * (_WHOLE_FEW if few else _WHOLE)
        row, mixed = (i, i1, y0, y1, few), (places, counts, candidates, left_out)
        many, work = _fill_unmixed(scores, leaders, row, columns, limit, mixed, out)
        if work > limit:
            for whole in (i, i1):
                if loaded[whole & 1] != whole:
                    _load_row(scores, whole, planes[whole & 1])
                    loaded[whole & 1] = whole
            _fill_row(planes[i & 1], planes[i1 & 1], (y0, y1), columns, weights, phases, out)
            continue
        for index in range(many):
            j = places[index]
            cell, pixels = (i, i1, j, min(j + 1, width - 1)), (y0, y1, columns[j], columns[j + 1])
            if few:
                _fill_few(scores, cell, pixels, weights, left, right, out)
            else:
                _fill_mixed(scores, cell, pixels, weights, (candidates[index], counts[index]), best, out)
