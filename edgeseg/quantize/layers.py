"""What a float file's layers with weights are to a pass that changes weights, whatever the format.

An adapter for a format finds them: `layers_onnx.py`, `layers_tflite.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgeseg.quantize.pairs import pair_step

__all__ = ["Floats", "Layer", "Link", "Network", "Weights", "find_links", "rounded", "steps"]

Floats: TypeAlias = NDArray[np.floating]

_STEPS = 127
"""Of an int8 weight on either side of zero; neither writer uses -128."""


@dataclass(frozen=True)
class Weights:
    """Of a layer: `kernel` (outputs, inputs / groups, taps) and `bias` (outputs,), zero where there is none."""

    kernel: Floats
    bias: Floats
    groups: int = 1

    @property
    def depthwise(self) -> bool:
        """Whether every output is made of one input channel of its own."""
        return self.kernel.shape[1] == 1 and self.groups == len(self.kernel)

    @property
    def reads(self) -> NDArray[np.int64]:
        """(outputs, inputs / groups): the input channel that each column of the kernel is for."""
        outputs, width, _ = self.kernel.shape
        groups = np.arange(outputs) // (outputs // self.groups)
        columns: NDArray[np.int64] = groups[:, None] * width + np.arange(width)
        return columns


@dataclass(frozen=True)
class Layer:
    """A convolution, depthwise or not, or a matrix product.

    `given` and `result` are the tensors that it reads and writes, with their channels on `axis`; a fused activation is
    part of it, and `homogeneous` unless that has a limit. `put` writes other weights of the same shape into the model.
    """

    given: str
    result: str
    axis: int
    homogeneous: bool
    weights: Callable[[], Weights]
    put: Callable[[Weights], None]


@dataclass(frozen=True)
class Link:
    """A layer, and those which alone read what it gives.

    Nothing but positively homogeneous operations on each channel stands between. `tensors` are those in between, the
    last being what the readers read.
    """

    first: Layer
    readers: tuple[Layer, ...]
    tensors: tuple[str, ...]


@dataclass(frozen=True)
class Network:
    """Layers in the order of execution, and the links among them."""

    layers: tuple[Layer, ...]
    links: tuple[Link, ...]


def find_links(layers: Iterable[Layer], steps: Mapping[str, str], reads: Mapping[str, int]) -> tuple[Link, ...]:
    """Every link.

    Args:
        layers: All layers.
        steps: What each homogeneous operation reads -> what it writes.
        reads: How often each tensor is read, being an output of the graph included.
    """
    layers = tuple(layers)
    reading: dict[str, list[Layer]] = {}
    for layer in layers:
        reading.setdefault(layer.given, []).append(layer)
    links = []
    for first in layers:
        tensors = [first.result]
        while reads.get(tensors[-1]) == 1 and tensors[-1] in steps:
            tensors.append(steps[tensors[-1]])
        readers = reading.get(tensors[-1], [])
        if first.homogeneous and readers and reads[tensors[-1]] == len(readers):
            links.append(Link(first, tuple(readers), tuple(tensors)))
    return tuple(links)


def steps(kernel: Floats, per_channel: bool, pairs_fit: bool = False) -> NDArray[np.float64]:
    """Scales of a kernel in the int8 file: (outputs, 1, 1), or (1, 1, 1) for one in all.

    With `pairs_fit` no two weights of an output saturate a sum, see `pairs.py`.
    """
    step = np.abs(kernel).max(axis=(1, 2)).astype(np.float64) / _STEPS
    if pairs_fit:
        step = np.maximum(step, pair_step(kernel.reshape(len(kernel), -1)))
    step = step if per_channel else step.max(keepdims=True)
    return np.where(step > 0, step, 1)[:, None, None]


def rounded(kernel: Floats, per_channel: bool, pairs_fit: bool = False) -> Floats:
    """A kernel as the int8 file holds it, symmetric about zero; see `steps`."""
    step = steps(kernel, per_channel, pairs_fit)
    return np.rint(kernel / step) * step
