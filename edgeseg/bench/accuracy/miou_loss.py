"""How sure an mIoU loss is: a paired bootstrap over the images that both files were measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONFIDENCE_PERCENT", "LEAST_IMAGES", "Interval", "loss_interval", "same_labels"]

ImageCounts: TypeAlias = Sequence[Sequence[Sequence[int]]]
"""(images, 3, classes): hits, label pixels, predicted pixels; as a Record keeps them."""

CONFIDENCE_PERCENT = 95
LEAST_IMAGES = 10
"""Resamples of fewer images repeat each other, and the interval that they give is too narrow."""

_RESAMPLES = 2000
_SEED = 0


@dataclass(frozen=True)
class Interval:
    """Ends of a confidence interval, in points of mIoU."""

    low: float
    high: float


def same_labels(one: ImageCounts, other: ImageCounts) -> bool:
    """Whether two files were held against the same labels: as many pixels of each class in every image."""
    return [image[1] for image in one] == [image[1] for image in other]


def loss_interval(base: ImageCounts, other: ImageCounts) -> Interval | None:
    """The interval of the first file's mIoU minus the second's, had other images of their kind been drawn.

    Images are drawn anew with replacement, the same ones for both files, and each file's mIoU is taken from their
    summed counts (percentile bootstrap: Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13). None for
    fewer than `LEAST_IMAGES` images, or none with a counted pixel, or where the two were held against other labels.
    """
    if len(base) < LEAST_IMAGES or not same_labels(base, other):
        return None
    drawn = _draws(len(base))
    losses = _miou_percent(drawn, base) - _miou_percent(drawn, other)
    defined, tail = losses[np.isfinite(losses)], (100 - CONFIDENCE_PERCENT) / 2
    if not defined.size:
        return None
    low, high = np.percentile(defined, [tail, 100 - tail])
    return Interval(float(low), float(high))


@lru_cache(1)
def _draws(images: int) -> NDArray[np.float64]:
    """(resamples, images): how often each image was drawn."""
    generator = np.random.Generator(np.random.PCG64(_SEED))
    return generator.multinomial(images, np.full(images, 1 / images), _RESAMPLES).astype(np.float64)


def _miou_percent(drawn: NDArray[np.float64], counts: ImageCounts) -> NDArray[np.float64]:
    """(resamples,): sums of pixels are whole numbers below 2^53, so float64 holds them exactly."""
    pixels = np.asarray(counts, np.float64)
    hits, labelled, predicted = (drawn @ pixels[:, kind] for kind in range(3))
    unions = labelled + predicted - hits
    defined = unions > 0
    ious = np.divide(hits, unions, out=np.zeros_like(hits), where=defined)
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = 100 * ious.sum(axis=1) / defined.sum(axis=1)
    return mean
