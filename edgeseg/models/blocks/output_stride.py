"""Dilation in place of strides, which keeps the resolution of a backbone made for classification.

DeepLab, https://arxiv.org/abs/1706.05587, section 3.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from operator import mul

from edgeseg.core.errors import InputError

__all__ = ["dilated"]


def dilated(strides: Iterable[int], output_stride: int, reached: int = 1) -> Iterator[tuple[int, int]]:
    """Stride and dilation rate of each layer in turn, where the layers before have `reached` a stride already.

    The first layer that would stride beyond `output_stride` keeps the rate so far; those after it make up for it.
    Raises InputError for an output stride that the strides do not lead to.
    """
    strides = list(strides)
    choice = sorted(set(accumulate(strides, mul, initial=reached)))
    if output_stride not in choice:
        raise InputError(f"output stride {output_stride}: this network can have {', '.join(map(str, choice))}")
    rate = 1
    for stride in strides:
        if reached == output_stride:
            yield 1, rate
            rate *= stride
        else:
            yield stride, rate
            reached *= stride
