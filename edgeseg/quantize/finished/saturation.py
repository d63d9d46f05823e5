"""Whether a finished ONNX file can saturate 16-bit sums on an x86 processor without VNNI, read off its weights.

See `pairs.py` for the arithmetic. Unsigned weights have kernels that do not, and signed activations are shifted to
unsigned ones, so every layer with int8 weights counts but the depthwise convolutions.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from edgeseg.core.errors import InputError, first_line
from edgeseg.quantize.weights.pairs import PAIR_LIMIT, any_two, neighbours
from edgeseg.quantize.weights.weights_onnx import Product, products

__all__ = ["LayerSums", "Saturation", "saturation"]


@dataclass(frozen=True)
class LayerSums:
    """Of one layer: the largest sum of two products.

    `bound` holds for any two products of an output. `reached` is of the two that ONNX Runtime's kernels add, of the
    output `output`, which are the weights `weights` at `places` of (row, column, input channel) order: with 255 for
    each input of the one sign and 0 for the other, their sum is that.
    """

    layer: str
    bound: int
    reached: int
    output: int
    places: tuple[int, int]
    weights: tuple[int, int]

    @property
    def cannot(self) -> bool:
        """Whether no order of the products can saturate."""
        return self.bound <= 255 * PAIR_LIMIT

    @property
    def can(self) -> bool:
        """Whether ONNX Runtime's order does, for some input."""
        return self.reached > 255 * PAIR_LIMIT

    @property
    def example(self) -> str:
        """The two products in words."""
        return (
            f"{self.layer}, output {self.output}: weights {self.weights[0]} and {self.weights[1]} at {self.places[0]} "
            f"and {self.places[1]} by inputs of 255 make {255 * sum(self.weights):,}, beyond 16 bits"
        )


@dataclass(frozen=True)
class Saturation:
    """The sums of every layer with int8 weights and more than one product an output."""

    layers: tuple[LayerSums, ...]

    @property
    def can(self) -> tuple[LayerSums, ...]:
        """The layers that can saturate."""
        return tuple(layer for layer in self.layers if layer.can)

    @property
    def cannot(self) -> bool:
        """Whether it is proved that no layer can, in whatever order products are added."""
        return all(layer.cannot for layer in self.layers)

    def summary(self) -> str:
        """One line for a human."""
        if self.cannot:
            return "cannot saturate 16-bit sums"
        if self.can:
            worst = max(self.can, key=lambda layer: layer.reached)
            return f"can saturate in {len(self.can)} of {len(self.layers)} layers without VNNI: {worst.example}"
        return "does not saturate in the order in which ONNX Runtime adds, but could in another"


def saturation(path: Path) -> Saturation:
    """Read a file; InputError where it is no ONNX file."""
    try:
        model = onnx.load(path)
    except Exception as error:  # protobuf's, which is typed nowhere
        raise InputError(f"{path}: cannot be read as ONNX: {first_line(error)}; export it again") from error
    found = (product for product in products(model) if product.kernel.dtype == np.int8 and not product.depthwise)
    return Saturation(tuple(_sums(product) for product in found))


def _sums(product: Product) -> LayerSums:
    kernel = product.kernel
    reached = neighbours(kernel)
    output, pair = (int(i) for i in np.unravel_index(np.argmax(reached), reached.shape))
    places = 2 * pair, min(2 * pair + 1, kernel.shape[1] - 1)
    weights = int(kernel[output, places[0]]), int(kernel[output, places[1]])
    bound = 255 * int(any_two(kernel.astype(np.int32)).max())
    return LayerSums(product.layer, bound, 255 * int(reached.max()), output, places, weights)
