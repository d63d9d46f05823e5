"""What is asked of the values of a convolution's kernels."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

__all__ = ["blank_taps", "uniform_value"]


def uniform_value(values: NDArray[Any]) -> float | None:
    """The one value that all have; None where they differ."""
    return float(values.flat[0]) if values.size and values.min() == values.max() else None


def blank_taps(kernels: NDArray[Any], inputs: int) -> int:
    """Taps that are zero for every input channel, whose axis is `inputs`, in kernels (outputs first) that are not."""
    if not kernels.size:
        return 0
    used = kernels.any(inputs).reshape(len(kernels), -1)
    return int((~used[used.any(1)]).sum())
