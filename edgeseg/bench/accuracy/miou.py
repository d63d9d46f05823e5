"""mIoU from ONE confusion matrix over a whole set, as cityscapesScripts and the papers define it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.ahead import ahead
from edgeseg.core.errors import InputError, MeasureError
from edgeseg.core.protocols import IGNORE, Dataset, Progress
from edgeseg.core.types import Size

__all__ = ["ConfusionMatrix", "evaluate"]

_LEVELS = 256
_BLOCK = 1 << 16
_RUN = 4
"""Pixels of a run from which on counting runs is faster than counting pixels."""

_Bytes: TypeAlias = NDArray[np.uint8]
_Histogram: TypeAlias = Callable[[_Bytes, _Bytes], NDArray[np.int64]]


def joint_histogram(label: _Bytes, prediction: _Bytes) -> NDArray[np.int64]:
    """Count pairs: two contiguous (pixels,) arrays -> (256, 256), rows by label."""
    counts = np.zeros(_LEVELS * _LEVELS, np.int64)
    for start in range(0, label.size, _BLOCK):
        pairs = label[start : start + _BLOCK].astype(np.uint16)
        pairs <<= 8
        pairs |= prediction[start : start + _BLOCK]
        ends = np.flatnonzero(pairs[1:] != pairs[:-1])
        if _RUN * ends.size < pairs.size:  # A class map is runs of pixels.
            ends = np.append(ends, pairs.size - 1)
            block = np.bincount(pairs[ends], np.diff(ends, prepend=-1)).astype(np.int64)
        else:
            block = np.bincount(pairs)
        counts[: block.size] += block
    return counts.reshape(_LEVELS, _LEVELS)


@cache
def _fastest_histogram() -> _Histogram:
    try:
        from edgeseg.bench.accuracy import histogram_numba
    except ImportError:
        return joint_histogram
    compiled: _Histogram = histogram_numba.joint_histogram
    return compiled


class ConfusionMatrix:
    """Counts of (label, prediction) pairs, summed over as many images as are fed to it.

    `counts[i, j]` is the number of pixels of class i that were predicted as class j; pixels whose label is 255 are in
    no cell. The IoU of a class is its diagonal cell over the union of its row and column, None where that union is
    empty; mIoU is the mean over the classes that have an IoU. A class absent from the labels but predicted somewhere
    thus counts with 0, one absent from both is left out: the definition of cityscapesScripts.

    `parts` holds (3, classes) of every update: hits, label pixels and predicted pixels, all that an IoU is made of.
    """

    def __init__(self, classes: int) -> None:
        if not 1 <= classes <= IGNORE:
            raise InputError(f"{classes} classes: a confusion matrix of uint8 labels takes 1 to {IGNORE}")
        self.classes = classes
        self.counts: NDArray[np.int64] = np.zeros((classes, classes), np.int64)
        self.parts: list[NDArray[np.int64]] = []

    def update(self, label: _Bytes, prediction: _Bytes) -> None:
        """Add one image, or many: two uint8 arrays of equal shape.

        Raises InputError, and adds nothing, for arrays of another dtype, for unequal shapes, and for a label or a
        prediction outside of the classes (a prediction also where the label is 255).
        """
        if label.shape != prediction.shape or label.dtype != np.uint8 or prediction.dtype != np.uint8:
            raise InputError(
                f"label {label.dtype}{label.shape} and prediction {prediction.dtype}{prediction.shape}: "
                "both must be uint8 and of one shape"
            )
        flat = np.ascontiguousarray(label).reshape(-1), np.ascontiguousarray(prediction).reshape(-1)
        pairs = _fastest_histogram()(*flat)
        self._check("label", pairs.sum(axis=1)[:IGNORE])
        self._check("prediction", pairs.sum(axis=0))
        added = pairs[: self.classes, : self.classes]
        self.counts += added
        self.parts.append(np.stack([added.diagonal(), added.sum(axis=1), added.sum(axis=0)]))

    def class_iou_percent(self) -> tuple[float | None, ...]:
        """IoU of every class, None where neither label nor prediction has it."""
        hits = self.counts.diagonal()
        unions = self.counts.sum(axis=0) + self.counts.sum(axis=1) - hits
        return tuple(
            100 * hit / union if union else None for hit, union in zip(hits.tolist(), unions.tolist(), strict=True)
        )

    def miou_percent(self) -> float | None:
        """Mean of the IoUs that are defined; None for an empty matrix."""
        defined = [iou for iou in self.class_iou_percent() if iou is not None]
        return math.fsum(defined) / len(defined) if defined else None

    def _check(self, what: str, pixels: NDArray[np.int64]) -> None:
        outside = np.flatnonzero(pixels[self.classes :])
        if outside.size:
            value = self.classes + int(outside[0])
            raise InputError(
                f"{what} value {value} ({pixels[value]} pixels) is no class: expected 0 to {self.classes - 1}"
                + (f", or {IGNORE} to ignore; convert the labels to train ids" if what == "label" else "")
            )


def evaluate(
    classmap: Callable[[_Bytes], _Bytes],
    dataset: Dataset,
    classes: int,
    *,
    resize_label: Callable[[_Bytes, Size], _Bytes] | None = None,
    progress: Progress | None = None,
) -> ConfusionMatrix:
    """Run `classmap`, (H, W, 3) uint8 RGB -> (h, w) uint8, over a dataset and count.

    Where (h, w) is not the label's size, `resize_label` brings the label to it; without it that is a MeasureError, as
    is a dataset that yields no image. An InputError of the counting is raised anew with the image's number in front.
    The next images are read while one is worked on.
    """
    matrix = ConfusionMatrix(classes)
    total, index = len(dataset), -1
    for index, (image, label) in enumerate(ahead(dataset)):
        prediction = classmap(image)
        if prediction.shape != label.shape and resize_label is not None:
            label = resize_label(label, Size(*prediction.shape))
        if prediction.shape != label.shape:
            raise MeasureError(
                f"{dataset.name} image {index}: class map {prediction.shape} and label {label.shape} differ in size; "
                "give both the same size"
            )
        try:
            matrix.update(label, prediction)
        except InputError as error:
            raise InputError(f"{dataset.name} image {index}: {error}") from error
        if progress:
            progress("accuracy", index + 1, total)
    if index < 0:
        raise MeasureError(f"{dataset.name}: no image to measure accuracy on; choose another split")
    return matrix
