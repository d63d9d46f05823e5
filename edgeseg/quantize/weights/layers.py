"""What a float file's layers with weights are to a pass that changes weights, whatever the format.

An adapter for a format finds them: `layers_onnx.py`, `layers_tflite.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgeseg.quantize.weights.pairs import pair_step
from edgeseg.quantize.weights.window import Window

__all__ = ["STEPS", "Floats", "Layer", "Network", "Step", "Weights", "find_network", "rounded", "steps"]

Floats: TypeAlias = NDArray[np.floating]

STEPS = 127
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
    `window` says which inputs the taps of the kernel are for.
    """

    given: str
    result: str
    axis: int
    homogeneous: bool
    weights: Callable[[], Weights]
    put: Callable[[Weights], None]
    window: Window = field(default_factory=Window)


@dataclass(frozen=True)
class Step:
    """An operation that is no layer: the tensors that it reads and writes, and what becomes of their channels.

    `each` makes a channel of one, and a positive factor passes through it; `sum` adds channel to channel, `product`
    multiplies the first tensor's by the others, and `join` lays channels one behind the other. A positive factor does
    not pass through any `other`. A leaky rectifier has the slope of what is below zero, over all channels as root mean
    square.
    """

    kind: Literal["each", "sum", "product", "join", "other"]
    given: tuple[str, ...]
    results: tuple[str, ...]
    slope: float | None = None


@dataclass(frozen=True)
class Network:
    """Layers in the order of execution, and which channels can be given another unit.

    `units` holds of each tensor the number of each channel's unit, (channels,); channels of one unit can only change
    together. Those of unit 0 cannot change. `slopes` are of the leaky rectifiers that alone read a tensor.
    """

    layers: tuple[Layer, ...]
    units: Mapping[str, NDArray[np.int64]]
    slopes: Mapping[str, float]

    @property
    def count(self) -> int:
        """How many units there are, that of the channels that cannot change included."""
        return 1 + max((int(units.max(initial=0)) for units in self.units.values()), default=0)

    def rescale(self, factors: Floats) -> None:
        """Divide what every channel holds by its unit's factor, (units,), of which the first is 1."""
        for layer in self.layers:
            given, result = (factors[self.units[name]] for name in (layer.given, layer.result))
            if (given != 1).any() or (result != 1).any():
                old = layer.weights()
                kernel = old.kernel * given[old.reads][:, :, None] / result[:, None, None]
                layer.put(replace(old, kernel=kernel, bias=old.bias / result))


def find_network(operations: Iterable[Layer | Step], widths: Callable[[str], int], outputs: Sequence[str]) -> Network:
    """The network of all operations in the order of execution. `widths` tells how many channels a tensor has."""
    layers, units = [], _Units(widths)
    slopes: dict[str, float] = {}
    reads: Counter[str] = Counter(outputs)
    for operation in operations:
        reads.update((operation.given,) if isinstance(operation, Layer) else operation.given)
        if isinstance(operation, Layer):
            layers.append(operation)
            units.of(operation.given)
            units.named[operation.result] = units.fresh(widths(operation.result))
            if not operation.homogeneous:
                units.fix(operation.result)
        else:
            units.pass_on(operation)
            if operation.slope is not None:
                slopes[operation.given[0]] = operation.slope
    for name in outputs:
        units.fix(name)
    alone = {name: slope for name, slope in slopes.items() if reads[name] == 1}
    return Network(tuple(layers), units.numbered(), alone)


class _Units:
    """Which channels have one unit, kept as a forest; the tree of 0 is of those that have to stay."""

    def __init__(self, widths: Callable[[str], int]) -> None:
        self.named: dict[str, list[int]] = {}
        self._widths = widths
        self._parents = [0]

    def fresh(self, count: int) -> list[int]:
        first = len(self._parents)
        self._parents.extend(range(first, first + count))
        return list(range(first, first + count))

    def of(self, name: str) -> list[int]:
        """The channels of a tensor; those of one that nothing has written stay."""
        return self.named.setdefault(name, [0] * self._widths(name))

    def fix(self, name: str) -> None:
        self._tie(self.of(name), [0] * len(self.of(name)))

    def pass_on(self, step: Step) -> None:
        given = [self.of(name) for name in step.given]
        joined = [unit for units in given for unit in units]
        made = joined if step.kind == "join" else joined[: len(given[0])] if given else []
        fits = all(self._widths(name) == len(made) for name in step.results)
        if step.kind == "other" or len(step.results) != 1 or not fits or not self._tied(step.kind, given):
            for name in (*step.given, *step.results):
                self.fix(name)
        else:
            self.named[step.results[0]] = made

    def _tied(self, kind: str, given: list[list[int]]) -> bool:
        """Whether channels that go together could be tied."""
        if kind in ("sum", "product"):
            if any(len(other) != len(given[0]) for other in given):
                return False
            for other in given[1:]:
                self._tie(other, given[0] if kind == "sum" else [0] * len(other))
        return True

    def _tie(self, ones: list[int], others: list[int]) -> None:
        for one, other in zip(map(self._root, ones), map(self._root, others), strict=True):
            self._parents[max(one, other)] = min(one, other)

    def _root(self, unit: int) -> int:
        while self._parents[unit] != unit:
            self._parents[unit] = unit = self._parents[self._parents[unit]]
        return unit

    def numbered(self) -> dict[str, NDArray[np.int64]]:
        """The units of every tensor, numbered without gaps."""
        numbers = {0: 0}
        return {
            name: np.array([numbers.setdefault(self._root(unit), len(numbers)) for unit in units], np.int64)
            for name, units in self.named.items()
        }


def steps(kernel: Floats, per_channel: bool, pairs_fit: bool = False) -> NDArray[np.float64]:
    """Scales of a kernel in the int8 file: (outputs, 1, 1), or (1, 1, 1) for one in all.

    With `pairs_fit` no two weights of an output saturate a sum, see `pairs.py`.
    """
    step = np.abs(kernel).max(axis=(1, 2)).astype(np.float64) / STEPS
    if pairs_fit:
        step = np.maximum(step, pair_step(kernel.reshape(len(kernel), -1)))
    step = step if per_channel else step.max(keepdims=True)
    return np.where(step > 0, step, 1)[:, None, None]


def rounded(kernel: Floats, per_channel: bool, pairs_fit: bool = False) -> Floats:
    """A kernel as the int8 file holds it, symmetric about zero; see `steps`."""
    step = steps(kernel, per_channel, pairs_fit)
    return np.rint(kernel / step) * step
