"""The class-map kernels, compiled by numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

from edgeseg.runtimes.interpolation import Axis

__all__ = ["argmax", "upsample_argmax"]

F = TypeVar("F", bound=Callable[..., Any])


def _compiled(function: F) -> F:
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder that it may keep a cache in
        return numba.njit(**options)(function)


@_compiled
def _leaders(scores, leaders):
    height, width, classes = scores.shape
    for i in range(height):
        for j in range(width):
            best, leader = scores[i, j, 0], 0
            for k in range(1, classes):
                if scores[i, j, k] > best:
                    best, leader = scores[i, j, k], k
            leaders[i, j] = leader


@_compiled
def _beaten(k, leader, a, b, c, d):
    """Whether `leader` wins over class `k` everywhere between the four corners."""
    if leader < k:
        return a[leader] >= a[k] and b[leader] >= b[k] and c[leader] >= c[k] and d[leader] >= d[k]
    return a[leader] > a[k] and b[leader] > b[k] and c[leader] > c[k] and d[leader] > d[k]


@_compiled
def _fill_cell(a, b, c, d, leaders, top, bottom, left, right, candidates, lefts, rights, out):
    """A cell between the corners a b / c d whose leaders differ."""
    count = 0
    for k in range(a.size):
        beaten = False
        for leader in leaders:
            if leader != k and _beaten(k, leader, a, b, c, d):
                beaten = True
                break
        if not beaten:
            candidates[count] = k
            count += 1
    for y in range(out.shape[0]):
        for n in range(count):
            k = candidates[n]
            lefts[n] = top[y] * a[k] + bottom[y] * c[k]
            rights[n] = top[y] * b[k] + bottom[y] * d[k]
        for x in range(out.shape[1]):
            best, winner = left[x] * lefts[0] + right[x] * rights[0], candidates[0]
            for n in range(1, count):
                score = left[x] * lefts[n] + right[x] * rights[n]
                if score > best:
                    best, winner = score, candidates[n]
            out[y, x] = winner


@_compiled
def _upsample_argmax(scores, rows, top, bottom, columns, left, right, out):
    height, width, classes = scores.shape
    leaders = np.empty((height, width), np.uint8)
    _leaders(scores, leaders)
    candidates = np.empty(classes, np.int64)
    lefts, rights = np.empty(classes), np.empty(classes)
    for i in range(height):
        i1, y0, y1 = min(i + 1, height - 1), rows[i], rows[i + 1]
        if y0 == y1:
            continue
        for j in range(width):
            j1, x0, x1 = min(j + 1, width - 1), columns[j], columns[j + 1]
            corners = (leaders[i, j], leaders[i, j1], leaders[i1, j], leaders[i1, j1])
            if corners[0] == corners[1] and corners[0] == corners[2] and corners[0] == corners[3]:
                for y in range(y0, y1):
                    for x in range(x0, x1):
                        out[y, x] = corners[0]
            elif x0 < x1:
                _fill_cell(
                    scores[i, j], scores[i, j1], scores[i1, j], scores[i1, j1], corners,
                    top[y0:y1], bottom[y0:y1], left[x0:x1], right[x0:x1],
                    candidates, lefts, rights, out[y0:y1, x0:x1],
                )
