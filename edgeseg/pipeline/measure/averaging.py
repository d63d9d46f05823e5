"""Class probabilities averaged over scales and mirror images, by files that take one size only.

Multi-scale evaluation as DeepLab's tables have it (Chen et al., Encoder-Decoder with Atrous Separable Convolution,
section 4): the image is scaled and mirrored, the scores of each are brought to one size, and the class map is the
arg-max of the mean of their softmax. There, the network runs at every size; an exported file has one. A scaled image
that is smaller is filled up with the mean pixel at the bottom and on the right; of a larger one, overlapping tiles are
run and their scores averaged where they overlap.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError
from edgeseg.core.evaluation import Evaluation
from edgeseg.core.protocols import Session
from edgeseg.core.types import Facts, Normalization, Size
from edgeseg.data.preprocess import Preprocessor, resize_image
from edgeseg.runtimes.interpolation import Axis, axis

__all__ = ["Averager", "check_averageable"]

_STRIP = 64
_STEP = 0.75
"""Of a tile's side: neighbours overlap by a quarter or more."""


def check_averageable(facts: Facts) -> None:
    """Raise InputError for a file that gives a class map, and for one that takes more than one image at a time."""
    if facts.output.head == "classmap":
        raise InputError(
            f"{facts.model}: gives a class map, without probabilities to average; export it with --head scores, or "
            "leave out --scales and --flip"
        )
    if facts.input.batch > 1:
        raise InputError(f"{facts.model}: takes {facts.input.batch} images at a time; --scales and --flip take one")


class Averager:
    """(H, W, 3) uint8 RGB -> (size.height, size.width) uint8 class map.

    Integer scores are dequantized first. Raises what `check_averageable` does.
    """

    def __init__(self, session: Session, evaluation: Evaluation) -> None:
        facts = session.facts
        check_averageable(facts)
        self.session, self.evaluation = session, evaluation
        self.prepare = Preprocessor(facts.input)
        mean = facts.input.normalization.mean
        self.fill = np.rint(255 * np.array(mean if any(mean) else Normalization().mean)).astype(np.uint8)

    def __call__(self, image: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
        total = np.zeros((size.height, size.width, len(self.session.facts.classes)), np.float32)
        own = self.session.facts.input.size
        for scale in self.evaluation.scales:
            scaled = resize_image(image, Size(max(1, round(own.height * scale)), max(1, round(own.width * scale))))
            _add_probabilities(self._scores(scaled), total)
            if self.evaluation.flip:
                _add_probabilities(self._scores(scaled[:, ::-1])[:, ::-1], total)
        classmap: NDArray[np.uint8] = total.argmax(axis=2).astype(np.uint8)
        return classmap

    def _scores(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(h, w, 3) -> (h, w, classes) of an image of any size."""
        own = self.session.facts.input.size
        height, width, _ = image.shape
        total = np.zeros((height, width, len(self.session.facts.classes)), np.float32)
        times = np.zeros((height, width, 1), np.float32)
        for top in _starts(height, own.height):
            for left in _starts(width, own.width):
                there = slice(top, top + own.height), slice(left, left + own.width)
                tile = image[there]
                total[there] += self._tile_scores(tile)[: tile.shape[0], : tile.shape[1]]
                times[there] += 1
        total /= times
        return total

    def _tile_scores(self, tile: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Of an image that is not larger than the input: (input height, input width, classes)."""
        facts = self.session.facts
        size, output = facts.input.size, facts.output
        whole = np.empty((size.height, size.width, 3), np.uint8)
        whole[...] = self.fill
        whole[: tile.shape[0], : tile.shape[1]] = tile
        scores = self.session(self.prepare(whole))[0].astype(np.float32, copy=False)
        last = scores.transpose(1, 2, 0) if output.layout == "NCHW" else scores
        return np.concatenate([strip for _, strip in _resized(last, size, output.align_corners)])


def _starts(length: int, tile: int) -> list[int]:
    """Where tiles begin along a side, evenly spaced, the last one ending with the side."""
    if length <= tile:
        return [0]
    count = 1 + int(np.ceil((length - tile) / (_STEP * tile)))
    return [int(start) for start in np.rint(np.linspace(0, length - tile, count))]


def _add_probabilities(scores: NDArray[np.float32], total: NDArray[np.float32]) -> None:
    """Add the softmax of scores (h, w, classes), brought to the size of `total`, to it."""
    for strip, values in _resized(scores, Size(*total.shape[:2]), align_corners=False):
        values -= values.max(axis=2, keepdims=True)
        np.exp(values, out=values)
        values /= values.sum(axis=2, keepdims=True)
        total[strip] += values


def _resized(
    scores: NDArray[np.float32], size: Size, align_corners: bool
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Scores (h, w, classes) brought to a size bilinearly, a strip of rows after the other."""
    rows, columns = axis(scores.shape[0], size.height, align_corners), axis(scores.shape[1], size.width, align_corners)
    for top in range(0, size.height, _STRIP):
        strip = slice(top, min(top + _STRIP, size.height))
        yield strip, _blended(_blended(scores, rows, strip, 0), columns, slice(None), 1)


def _blended(values: NDArray[np.float32], along: Axis, part: slice, side: int) -> NDArray[np.float32]:
    low = along.low[part]
    share = (along.high_weight / (along.low_weight + along.high_weight))[part].astype(np.float32)
    first = values.take(low, side)
    blended: NDArray[np.float32] = values.take(np.minimum(low + 1, values.shape[side] - 1), side)
    blended -= first
    blended *= share[:, None, None] if side == 0 else share[:, None]
    blended += first
    return blended
