"""Fixed work that is timed beside artifacts, so that times of two runs, or machines, can be held against each other.

One workload is bound by arithmetic, the other by memory: how far they disagree on how much faster one machine is than
the other says how well any single factor can describe it. Both keep to one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

__all__ = ["WORKLOADS"]

_SIDE = 256
_PRODUCTS = 4
_COPIED = 8 * 2**20

_random = np.random.default_rng(0)
_left, _right = (_random.standard_normal((_SIDE, _SIDE), dtype=np.float32) for _ in range(2))
_product = np.empty((_SIDE, _SIDE), np.float32)
_from, _to = np.zeros(_COPIED, np.uint8), np.zeros(_COPIED, np.uint8)


def _arithmetic() -> None:
    for _ in range(_PRODUCTS):
        np.matmul(_left, _right, out=_product)


def _memory() -> None:
    np.copyto(_to, _from)


WORKLOADS: Mapping[str, Callable[[], None]] = {"arithmetic": _arithmetic, "memory": _memory}
"""A few milliseconds each on the processors of 2020."""
