"""What is remembered of each channel of a tensor while calibration images stream by, beside what observers see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.protocols import Calibration
from edgeseg.core.types import Artifact

__all__ = ["ChannelWatch", "Channels"]

_Vector: TypeAlias = NDArray[np.float64]


class Channels:
    """Of one tensor, by channel: the mean, the mean square, and the extent, which is an image's largest magnitude.

    All are averages over the images, as float64 arrays of shape (channels,).
    """

    def __init__(self, channels: int) -> None:
        self._sums = np.zeros((3, channels))
        self._images = 0

    def add(self, values: NDArray[Any], axis: int) -> None:
        """Take in a tensor as it is for one image."""
        rest = tuple(i for i in range(values.ndim) if i != axis % values.ndim)
        squares = np.square(values).mean(rest, dtype=np.float64)
        self._sums += values.mean(rest, dtype=np.float64), squares, np.abs(values).max(rest)
        self._images += 1

    @property
    def mean(self) -> _Vector:
        return self._average(0)

    @property
    def mean_square(self) -> _Vector:
        return self._average(1)

    @property
    def extent(self) -> _Vector:
        return self._average(2)

    def _average(self, row: int) -> _Vector:
        average: _Vector = self._sums[row] / self._images
        return average


class ChannelWatch:
    """Looks at tensors by channel while somebody else runs the images. `axes` names them, with their channels' axis."""

    def __init__(self, axes: Mapping[str, int]) -> None:
        self._axes = axes
        self.seen: dict[str, Channels] = {}

    def over(self, samples: Calibration) -> Calibration:
        """The same samples; whoever observes them lets this watch see the tensors too."""

        def observe(
            artifact: Artifact, batches: Iterable[NDArray[Any]]
        ) -> Iterator[Iterator[tuple[str, NDArray[Any]]]]:
            for tensors in samples.observe(artifact, batches):
                yield self._see(tensors)

        return replace(samples, observe=observe)

    def _see(self, tensors: Iterator[tuple[str, NDArray[Any]]]) -> Iterator[tuple[str, NDArray[Any]]]:
        for name, values in tensors:
            if name in self._axes:
                axis = self._axes[name]
                self.seen.setdefault(name, Channels(values.shape[axis])).add(values, axis)
            yield name, values
