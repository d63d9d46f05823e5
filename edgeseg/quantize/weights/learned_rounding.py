"""Weights rounded up or down by what a layer gives on calibration images, rather than each to the nearest integer.

The chosen integers are put into the float model as multiples of their scale. The weights that decide the scale stay as
they are, so whoever writes the int8 file finds the same scale and these very integers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Calibration
from edgeseg.core.types import Artifact
from edgeseg.quantize.weights.layers import STEPS, Floats, Layer, Weights, steps
from edgeseg.quantize.weights.moments import Moments
from edgeseg.quantize.weights.pairs import second_largest
from edgeseg.quantize.weights.rounding import choose

__all__ = ["learn_rounding", "learned"]

_MOST_COLUMNS = 4608
"""Of a kernel that is learned, 512 channels of 3x3: time and memory go with the square."""

_AT_ONCE = 1 << 26
"""Numbers of covariances that are held at a time; for more, the images are run again."""

_EXACT = 1e-6
"""Of a step: how near to a limit counts as being it."""


def learn_rounding(
    layers: Iterable[Layer],
    artifact: Artifact,
    samples: Calibration,
    per_channel: bool,
    pairs_fit: bool = False,
) -> int:
    """Round the weights of layers to the integers that keep their outputs, in place; returns of how many layers.

    Layers that are too large, and those of a single weight an output, are left as they are.

    Args:
        layers: Of the network in `artifact`.
        artifact: The float file.
        samples: Batches, and how to look at what layers read while they run.
        per_channel: Whether the int8 file will have a weight scale for each output channel.
        pairs_fit: Whether sums of two products are kept inside 16 bits.

    Raises:
        InputError: No images.
    """
    fitting = [layer for layer in layers if 1 < layer.weights().kernel[0].size <= _MOST_COLUMNS]
    done = 0
    for some in _portions(fitting):
        for layer, moments in zip(some, _observed(some, artifact, samples), strict=True):
            if moments.seen:
                layer.put(learned(layer.weights(), moments, per_channel, pairs_fit))
            done += moments.seen
            samples.progress("learn rounding", done, len(fitting))
    return done


def learned(weights: Weights, moments: Moments, per_channel: bool, pairs_fit: bool = False) -> Weights:
    """The weights on the integers that suit these inputs, with the bias that takes up the mean of the difference."""
    kernel, groups = weights.kernel, weights.groups
    paired = pairs_fit and not weights.depthwise
    step = steps(kernel, per_channel, paired)
    values = kernel / step

    def by_group(each: NDArray[Any]) -> NDArray[Any]:
        return each.reshape(groups, len(kernel) // groups, -1).swapaxes(1, 2)

    free = _free(values, paired)
    chosen = choose(by_group(values), moments.covariance, by_group(free))
    integers = chosen.swapaxes(1, 2).reshape(kernel.shape)
    changed = np.where(free, integers * step, kernel)
    lost = by_group(kernel - changed)
    shift = (lost * moments.mean[:, :, None]).sum(axis=1).reshape(-1)
    return replace(weights, kernel=changed, bias=weights.bias + shift)


def _free(values: Floats, paired: bool) -> NDArray[np.bool_]:
    """Which weights, in steps, can be either of their neighbours without another scale."""
    lowest, highest = np.array(-STEPS, np.float64), np.array(STEPS, np.float64)
    if paired:
        lowest, highest = (side[:, None, None] for side in second_largest(values.reshape(len(values), -1)))
    inside = (values > lowest + _EXACT) & (values < highest - _EXACT)
    found: NDArray[np.bool_] = inside & (np.floor(values) >= lowest) & (np.ceil(values) <= highest)
    return found


def _portions(layers: Sequence[Layer]) -> Iterator[list[Layer]]:
    """The layers in order, as many at a time as their covariances leave room for."""
    some: list[Layer] = []
    held = 0
    for layer in layers:
        weights = layer.weights()
        size = weights.groups * weights.kernel[0].size ** 2
        if some and held + size > _AT_ONCE:
            yield some
            some, held = [], 0
        some.append(layer)
        held += size
    if some:
        yield some


def _observed(layers: Sequence[Layer], artifact: Artifact, samples: Calibration) -> list[Moments]:
    """What the layers read while the images run."""
    found = [Moments(layer) for layer in layers]
    reading: defaultdict[str, list[Moments]] = defaultdict(list)
    for layer, moments in zip(layers, found, strict=True):
        reading[layer.given].append(moments)
    done = 0
    for tensors in samples.observe(artifact, samples.batches, reading.keys()):
        for name, values in tensors:
            for moments in reading.get(name, ()):
                moments.add(values)
        done += 1
        samples.progress("observe inputs", done, samples.count)
    if not done:
        raise InputError(f"{samples.source}: learned rounding needs calibration images; leave out --calibration")
    return found
