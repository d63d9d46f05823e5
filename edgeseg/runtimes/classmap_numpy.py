"""The class-map kernels for a device without numba: the same results, slower."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.runtimes.interpolation import Axis

__all__ = ["argmax_pixels", "argmax_planes", "upsample_argmax"]

_BLOCK = 16384


def argmax_planes(logits: NDArray[Any]) -> NDArray[np.uint8]:
    """(C, n) -> (n,)."""
    winners = np.zeros(logits.shape[1], np.uint8)
    for start in range(0, winners.size, _BLOCK):
        planes, winner = logits[:, start : start + _BLOCK], winners[start : start + _BLOCK]
        best = planes[0].copy()
        for k, plane in enumerate(planes[1:], 1):
            winner[plane > best] = k
            np.maximum(best, plane, out=best)
    return winners


def argmax_pixels(logits: NDArray[Any]) -> NDArray[np.uint8]:
    """(n, C) -> (n,)."""
    winners: NDArray[np.uint8] = logits.argmax(1).astype(np.uint8)
    return winners


def upsample_argmax(
    scores: NDArray[np.float32], leaders: NDArray[np.uint8], rows: Axis, columns: Axis, precision: type
) -> NDArray[np.uint8]:
    """(h, w, C) and their arg-max (h, w) -> (H, W), in float64 whatever would be exact."""
    height, width, _ = scores.shape
    i1 = np.minimum(np.arange(height) + 1, height - 1)
    j1 = np.minimum(np.arange(width) + 1, width - 1)
    corner_leaders = leaders, leaders[:, j1], leaders[i1], leaders[i1][:, j1]
    mixed = np.logical_or.reduce([leaders != other for other in corner_leaders[1:]])
    classmap: NDArray[np.uint8] = leaders[rows.low][:, columns.low]
    if not mixed.any():
        return classmap

    corners = np.stack([s[mixed] for s in (scores, scores[:, j1], scores[i1], scores[i1][:, j1])])
    candidates = _candidates(corners, np.stack([leader[mixed] for leader in corner_leaders]))
    numbers = np.full((height, width), -1)
    numbers[mixed] = np.arange(len(candidates))
    pixel_numbers = numbers[rows.low][:, columns.low]
    y, x = np.nonzero(pixel_numbers >= 0)
    cell = pixel_numbers[y, x]
    weights = rows.low_weight[y], rows.high_weight[y], columns.low_weight[x], columns.high_weight[x]
    classmap[y, x] = _winners(corners, candidates, cell, weights)
    return classmap


def _candidates(corners: NDArray[np.float32], leaders: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The classes that no leader beats throughout: corner scores (4, cells, C), leaders (4, cells) -> (cells, C)."""
    _, cells, classes = corners.shape
    kept = np.ones((cells, classes), np.bool_)
    k = np.arange(classes)
    for leader in leaders:
        best = np.take_along_axis(corners, leader[None, :, None].astype(np.intp), axis=2)
        beaten = np.where(k > leader[:, None], (best >= corners).all(0), (best > corners).all(0))
        kept &= ~beaten
    return kept


def _winners(
    corners: NDArray[np.float32],
    candidates: NDArray[np.bool_],
    cell: NDArray[np.int64],
    weights: tuple[NDArray[np.float64], ...],
) -> NDArray[np.uint8]:
    """The arg-max of each pixel, whose mixed cell and four weights are given."""
    best = np.full(cell.size, -np.inf)
    winner = np.zeros(cell.size, np.uint8)
    for k in np.flatnonzero(candidates.any(0)):
        at = np.flatnonzero(candidates[cell, k])
        a, b, c, d = corners[:, cell[at], k].astype(np.float64)
        top, bottom, left, right = (weight[at] for weight in weights)
        score = left * (top * a + bottom * c) + right * (top * b + bottom * d)
        wins = score > best[at]
        at = at[wins]
        winner[at], best[at] = k, score[wins]
    return winner
