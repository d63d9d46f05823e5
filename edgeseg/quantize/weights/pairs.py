"""Sums of two products u8 x s8 in 16 bits, as x86 without VNNI makes them (vpmaddubsw).

ONNX Runtime's kernels feed that instruction with the bytes as they are, 0 to 255, and take the zero point into account
afterwards; so it is the weights alone that decide whether a sum can leave 16 bits. Two weights of opposite sign cannot
make it, two of one sign do from 129 on: 255 * 128 = 32640, and 255 * 129 = 32895. Depthwise convolutions have a kernel
that widens before it multiplies.

Source: MLAS in ONNX Runtime 1.31, QgemmU8S8KernelAvx2, ConvSymKernelAvx2 and qdwconv_avx2, which add neighbours in the
order (row, column, input channel) of a kernel. Run on them under Valgrind, whose processor has AVX2 and no VNNI: 64
products of 255 by 127 came out as 32 times 32767, those by 64 exact, and so did a depthwise convolution by 127.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["PAIR_LIMIT", "any_two", "neighbours", "pair_step", "second_largest"]

PAIR_LIMIT = 128
"""Up to which the magnitude of the sum of two weights of one sign cannot saturate."""

_BELOW = 1 + 1e-6
"""A step this much wider keeps two halves that both round up below the limit."""


def any_two(kernel: NDArray[Any]) -> NDArray[Any]:
    """(outputs, weights) -> (outputs,): magnitude of the largest sum of two weights of one sign, in whatever order."""
    up, down = (_two_largest(side).sum(axis=1) for side in (kernel, -kernel))
    largest: NDArray[Any] = np.maximum(up, down)
    return largest


def second_largest(kernel: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """(outputs, weights) -> twice (outputs,): the second most negative weight and the second most positive, or zero.

    As long as no other passes them, `any_two` stays what it is.
    """
    return -_two_largest(-kernel)[:, 0], _two_largest(kernel)[:, 0]


def _two_largest(kernel: NDArray[Any]) -> NDArray[Any]:
    padded = np.pad(np.maximum(kernel, 0), ((0, 0), (2, 0)))  # a lone weight makes a sum with zero
    found: NDArray[Any] = np.partition(padded, -2, axis=1)[:, -2:]
    return found


def neighbours(kernel: NDArray[np.int8]) -> NDArray[np.int32]:
    """(outputs, weights) -> (outputs, ceil(weights / 2)): what each pair that the kernels add can reach, over 255."""
    wide = np.pad(kernel.astype(np.int32), ((0, 0), (0, kernel.shape[1] % 2))).reshape(len(kernel), -1, 2)
    reached: NDArray[np.int32] = np.maximum(np.maximum(wide, 0).sum(axis=2), np.maximum(-wide, 0).sum(axis=2))
    return reached


def pair_step(kernel: NDArray[np.floating]) -> NDArray[np.floating]:
    """(outputs, weights) -> (outputs,): the finest step in which no two weights of an output can saturate a sum.

    Weights of one large value thus keep more of their range than with 7 bits for all.
    """
    step: NDArray[np.floating] = any_two(kernel.astype(np.float64)) * (_BELOW / PAIR_LIMIT)
    return step
