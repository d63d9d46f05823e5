"""What ONNX Runtime's int8 operators take, in nanoseconds of a core for each pixel that they give.

Fitted to ONNX Runtime 1.31 on two cores with VNNI, on maps of 64x128 to 256x512, dilated ones too.
"""

from __future__ import annotations

from functools import cache

__all__ = ["dense_ns", "depthwise_ns", "elementwise_ns"]

_TILE, _VECTOR = 16, 4
_VALUE_NS = {"Concat": 1.0, "Resize": 2.0}
"""Of what takes longer than others to give one value."""


@cache
def dense_ns(inputs: int, outputs: int, taps: int) -> float:
    """A dense convolution: without copies of its input where both counts are multiples of 4 and a tile is filled."""
    if inputs % _VECTOR or outputs % _VECTOR or outputs < _TILE:
        copied = 1.0 + 0.08 * inputs if taps == 1 else taps * (4.2 + 0.17 * inputs)
        return 4.0 + copied + 1.0 * outputs + inputs * outputs * taps / 500
    columns = max(_TILE * -(-outputs // _TILE), 24)
    return 2.5 + 1.9 * taps + 0.06 * outputs + inputs * columns * taps / 350


@cache
def depthwise_ns(channels: int, taps: int) -> float:
    """A depthwise convolution: fast where the channels fill tiles, slower for eights, slowest for any other number."""
    if channels % _TILE == 0:
        return taps * (2.0 + 0.05 * channels)
    return taps * (2.0 + 0.19 * channels + 0.8 * (channels % 8))


def elementwise_ns(operator: str, channels: int) -> float:
    """Any other operator that gives a map of so many channels."""
    return _VALUE_NS.get(operator, 0.3) * channels
