"""Ranges of a float file's tensors, taken while calibration images stream through it. Serves every format."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError, QuantizeError
from edgeseg.core.protocols import Calibration, Keep, Recipe
from edgeseg.core.types import Artifact, SeenImages
from edgeseg.quantize.ranges.channels import Channels
from edgeseg.quantize.ranges.observations import Observations, find, keep
from edgeseg.quantize.ranges.observers import Observer, range_method

__all__ = ["Ranges", "observe", "take_ranges"]


@dataclass(frozen=True)
class Ranges:
    """Tensor name -> (low, high) with low <= 0 <= high, how they were found, and on which images."""

    values: Mapping[str, tuple[float, float]]
    method: str
    source: SeenImages


def observe(
    artifact: Artifact,
    samples: Calibration,
    names: Collection[str] | None = None,
    axes: Mapping[str, int] | None = None,
) -> Observations:
    """Observe the float tensors of a float file.

    It is run on the samples, unless the file that they name to keep observations in has them already.

    Args:
        artifact: The file.
        samples: Batches, and how to look inside the file while they run.
        names: Tensors to observe; by default every one that is computed. The rest cost little.
        axes: Tensors to observe by channel too, with the axis of their channels.

    Raises:
        InputError: No samples, or a file of observations that does not fit.
        QuantizeError: A tensor became NaN.
    """
    ranges = names is None or len(names) > 0
    seen = find(samples.keep, artifact, ranges=ranges) if samples.keep else None
    if seen is None:
        seen = _observed(artifact, samples, names, axes or {}, ranges=ranges)
        if samples.keep:
            keep(samples.keep.path, artifact, seen, ranges=ranges)
    return seen


def take_ranges(seen: Observations, recipe: Recipe, slopes: Mapping[str, float] | None = None) -> Ranges:
    """Ranges by the recipe's method. A tensor that is always zero gets (0, 1).

    Args:
        seen: What was observed of each tensor.
        recipe: How to take them.
        slopes: Of the leaky rectifiers that alone read a tensor.

    Raises InputError for an unknown method.
    """
    given = slopes or {}
    ranges = {
        name: _usable(*range_method(recipe, given.get(name, 1.0))(observer)) for name, observer in seen.tensors.items()
    }
    method = f"percentile {recipe.percentile:g}" if recipe.method == "percentile" else recipe.method
    return Ranges(ranges, method, seen.source)


_ENDLESS = 1e30
"""Max-pooling pads with minus infinity or the lowest float: what lies beyond this is such padding, not data."""

_DEAD = 1e-10
"""A tensor that never leaves this range is zero. Any scale can say so, but a scale of zero makes LiteRT abort."""

_BLOCK = 1 << 18
"""Values looked at in one go, so that they are read from memory once."""

_KEPT_EVERY_S = 30
"""Writing takes a part of a second."""

_THREADS = 2
"""That tensors are looked at on, as many as a session runs on."""


def _observed(
    artifact: Artifact, samples: Calibration, names: Collection[str] | None, axes: Mapping[str, int], *, ranges: bool
) -> Observations:
    """Run the samples, all of them or until there are enough, after those that a pass which was stopped had run."""
    begun = find(Keep(samples.begun, add=True), artifact, ranges=ranges) if samples.begun else None
    observers: defaultdict[str, Observer] = defaultdict(Observer, begun.tensors if begun else {})
    channels: defaultdict[str, Channels] = defaultdict(Channels, begun.channels if begun else {})
    wanted = None if names is None else {*names, *axes}

    def looks(tensors: Iterator[tuple[str, NDArray[Any]]]) -> Iterator[Callable[[], None]]:
        for name, values in tensors:
            if values.dtype.kind == "f" and values.size:
                observer = observers[name] if names is None or name in names else None
                by_channel = channels[name] if name in axes else None
                yield partial(_look, values, observer, by_channel, axes.get(name, 0), f"{artifact.path}: tensor {name}")

    def seen() -> Observations:
        return Observations(SeenImages(done, samples.source), observers, channels)

    done = max((*(each.images for each in observers.values()), *(each.images for each in channels.values())), default=0)
    kept_s = monotonic()
    samples.progress("calibrate", done, samples.count)
    with ThreadPoolExecutor(_THREADS) as pool:
        for tensors in samples.observe(artifact, islice(samples.batches, done, None), wanted):
            _call_all(pool, looks(tensors))
            done += 1
            samples.progress("calibrate", done, samples.count)
            if samples.begun and monotonic() - kept_s > _KEPT_EVERY_S:
                keep(samples.begun, artifact, seen(), ranges=ranges)
                kept_s = monotonic()
            if samples.enough():
                break
    if not done:
        raise InputError(f"{samples.source}: no calibration images; at least one is needed")
    return seen()


def _call_all(pool: ThreadPoolExecutor, calls: Iterator[Callable[[], None]]) -> None:
    """A few at a time, for a runtime may copy each tensor that it gives."""
    waiting: deque[Future[None]] = deque()
    for call in calls:
        waiting.append(pool.submit(call))
        if len(waiting) > _THREADS:
            waiting.popleft().result()
    for future in waiting:
        future.result()


def _look(values: NDArray[Any], observer: Observer | None, channels: Channels | None, axis: int, name: str) -> None:
    """Take in a tensor as it is for one image."""
    if channels is not None:
        channels.add(values, axis)
    if observer is not None:
        _feed(observer, values, name)
        observer.end_image(_telling(values))


def _telling(values: NDArray[Any]) -> int:
    """How many values are no repetitions: of a map that is the same everywhere, as an enlarged mean is, one pixel's."""
    if values.ndim == 4:
        for first, last in ((values[..., :1, :1], values[..., -1:, -1:]), (values[:, :1, :1], values[:, -1:, -1:])):
            if np.array_equal(first, last) and bool((values == first).all()):
                return first.size
    return values.size


def _usable(low: float, high: float) -> tuple[float, float]:
    return (low, high) if high - low > _DEAD else (0.0, 1.0)


def _feed(observer: Observer, values: NDArray[Any], name: str) -> None:
    flat = np.ascontiguousarray(values, dtype=np.float32).reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        low, high = float(block.min()), float(block.max())
        if np.isnan(low):
            raise QuantizeError(f"{name} is NaN on a calibration image; the network divides by zero or overflows there")
        if low < -_ENDLESS or high > _ENDLESS:
            block = block[np.abs(block) < _ENDLESS]
            low, high = float(block.min(initial=0)), float(block.max(initial=0))
        observer.add(block, low, high)
