"""From a float file that can be quantized to one that is ready: weights balanced, rounding learned, ranges, biases."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import QuantizeError
from edgeseg.core.protocols import Calibration, Recipe, never
from edgeseg.core.types import Artifact
from edgeseg.quantize.passes import LEARNED_ROUNDING, chosen
from edgeseg.quantize.passes.bias_correction import correct_biases
from edgeseg.quantize.passes.equalization import equalize
from edgeseg.quantize.ranges.calibration import Ranges, observe, take_ranges
from edgeseg.quantize.ranges.channels import Channels
from edgeseg.quantize.ranges.observations import find
from edgeseg.quantize.ranges.observers import range_method
from edgeseg.quantize.weights.layers import Network
from edgeseg.quantize.weights.learned_rounding import learn_rounding

__all__ = ["Prepared", "check_function", "make_ready"]

_EQUALIZATION_IMAGES = 8
"""Extents of channels are needed before ranges are taken; a few images tell them apart."""

_PARITY = 1e-4
"""Of the output's spread, or of the pixels of a class map: how far rewrites may move it, as root mean square."""
_ROUNDING = 2.0**-20
"""Of a value: what some ten operations of float32 add up to."""
_TIMES = 4
"""What one rounding moves is a draw; twice the same hardly ever differs by this much."""


@dataclass(frozen=True)
class Prepared:
    """A float file and the model in memory that it was written from. `save` writes that again once it has changed."""

    artifact: Artifact
    network: Network
    output: str
    """Name of the tensor that the file gives."""
    held: Collection[str] | None
    """Tensors that the int8 file holds; None for all."""
    save: Callable[[], None]
    pairs_fit: bool = False
    """Whether the int8 file keeps sums of two products inside 16 bits."""


def make_ready(
    original: Artifact, prepared: Prepared, recipe: Recipe, samples: Calibration
) -> tuple[Ranges, dict[str, int]]:
    """Balance the weights of what was prepared from `original`, take the ranges, and correct the biases.

    Returns the ranges, and how often each pass that was made applied. Weights of one scale a tensor are not balanced.
    Weights are rounded only where the recipe wants that learned.

    Raises:
        InputError: An unknown method, or no samples.
        QuantizeError: A tensor became NaN, or the rewrites made another function of the network.
    """
    range_method(recipe)
    passes, done = chosen(recipe), {}
    axes = _axes(prepared)
    if "equalization" in passes and recipe.per_channel:
        channels = _unbalanced(prepared, samples, axes)
        done["equalization"] = equalize(prepared.network, channels)
        prepared.save()
        if samples.enough():
            samples = replace(_first(samples, _images(channels)), enough=never)
    # What was kept was checked then.
    if samples.keep is None or find(samples.keep, prepared.artifact, ranges=True) is None:
        check_function(original, prepared.artifact, prepared.output, samples)
    seen = observe(prepared.artifact, samples, prepared.held, axes)
    rounded = [layer for layer in prepared.network.layers if layer.result not in recipe.floating]
    if recipe.learned_rounding:
        same = _first(samples, _images(seen.channels))
        done[LEARNED_ROUNDING] = learn_rounding(
            rounded, prepared.artifact, same, recipe.per_channel, prepared.pairs_fit
        )
        prepared.save()
    if "bias-correction" in passes:
        done["bias-correction"] = correct_biases(rounded, seen.channels, recipe.per_channel, prepared.pairs_fit)
        prepared.save()
    return take_ranges(seen, recipe, prepared.network.slopes), done


def _axes(prepared: Prepared) -> dict[str, int]:
    """The tensors that layers read or whose channels can have other units, with the axis of the channels."""
    layers, units = prepared.network.layers, prepared.network.units
    if not layers:
        return {}
    free = [name for name, each in units.items() if each.any()]
    held = [name for name in free if prepared.held is None or name in prepared.held]
    return dict.fromkeys((*held, *(layer.given for layer in layers)), layers[0].axis)


def _unbalanced(prepared: Prepared, samples: Calibration, axes: Mapping[str, int]) -> Mapping[str, Channels]:
    """The channels before equalization, seen on a few images.

    What is to serve other recipes is seen on all of them, ranges included.
    """
    if samples.keep and samples.keep.lasting:
        return observe(prepared.artifact, samples, prepared.held, axes).channels
    few = _first(samples, min(samples.count, _EQUALIZATION_IMAGES))
    return observe(prepared.artifact, few, (), axes).channels


def _images(channels: Mapping[str, Channels]) -> int:
    """How many were seen, where there is anything to see."""
    return max((each.images for each in channels.values()), default=1)


def _first(samples: Calibration, count: int) -> Calibration:
    return replace(samples, batches=_Batches(samples.batches, count), count=count)


@dataclass(frozen=True)
class _Batches:
    """The first of them, as often as they are asked for."""

    batches: Iterable[NDArray[Any]]
    count: int

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return islice(self.batches, self.count)


def check_function(original: Artifact, changed: Artifact, output: str, samples: Calibration) -> None:
    """Raise QuantizeError where a changed file does not give on an image what the original one gives.

    Rewrites round anew, and a network may hold its output under no rounding: what is unpooled to a maximum goes
    elsewhere for another one almost as large. So they may move it some times as far as rounding the image does.
    """
    for batch in islice(samples.batches, 1):
        expected = _output(original, batch, output, samples)
        if expected.dtype.kind == "f" and np.isnan(expected).any():
            raise QuantizeError(
                f"{original.path}: its output is NaN on a calibration image; the network divides by zero or overflows"
            )
        error = _distance(_output(changed, batch, output, samples), expected)
        if error <= _PARITY:
            return
        rounded = _output(original, _rounded(batch), output, samples)
        if not error <= _TIMES * _distance(rounded, expected):
            raise QuantizeError(
                f"{original.path}: preparing it for int8 moved its output by {error:.1e} of the spread; leave passes "
                "out (--without) to find the one that did"
            )


def _distance(given: NDArray[Any], expected: NDArray[Any]) -> float:
    """Root mean square of what scores differ by, as a part of their spread; of a class map, the pixels that differ."""
    if expected.dtype.kind != "f":
        return float((given != expected).mean())
    finite = expected[np.isfinite(expected)]
    differing = given != expected  # Infinity less infinity is no number, and softmax's logarithm is infinite.
    distance = np.subtract(given, expected, out=np.zeros(expected.shape), where=differing, dtype=np.float64)
    return float(np.sqrt(np.square(distance).mean()) / (np.ptp(finite) if finite.size and np.ptp(finite) else 1))


def _rounded(batch: NDArray[Any]) -> NDArray[Any]:
    if batch.dtype.kind != "f":
        return batch
    signs = np.random.default_rng(0).choice((-1.0, 1.0), batch.shape)
    return (batch * (1 + _ROUNDING * signs)).astype(batch.dtype)


def _output(artifact: Artifact, batch: NDArray[Any], name: str, samples: Calibration) -> NDArray[Any]:
    tensors = next(iter(samples.observe(artifact, [batch], {name})))
    return next(np.array(values) for seen, values in tensors if seen == name)
