"""Kernels of convolutions in parts."""

from __future__ import annotations

__all__ = ["MOST_DEPTHWISE_TAPS", "symmetric_parts"]

MOST_DEPTHWISE_TAPS = 25
"""Of a depthwise convolution for which XNNPACK has a kernel. It computes larger ones channel by channel in its kernel
for dense ones, which takes up to fifty times as long."""


def symmetric_parts(height: int, width: int, most: int) -> list[tuple[slice, slice]] | None:
    """The rows and columns of parts of a kernel of odd sides that have `most` taps at most and its middle.

    The taps of a row at every other place lie evenly about its middle, as the ones between them do: each are the kernel
    of a convolution of twice the dilation, padded on both sides alike. As few parts as there may be; None where sides
    halved so are still too long.
    """
    found = []
    for whole in (True, False):
        parts = [
            (rows, columns)
            for rows in _classes(height, whole)
            for columns in _classes(width, _count(height, rows) * width <= most)
        ]
        if all(_count(height, rows) * _count(width, columns) <= most for rows, columns in parts):
            found.append(parts)
    return min(found, key=len, default=None)


def _classes(side: int, whole: bool) -> list[slice]:
    return [slice(None, None, 1)] if whole or side == 1 else [slice(0, None, 2), slice(1, None, 2)]


def _count(side: int, places: slice) -> int:
    return len(range(side)[places])
