"""Which of the two integers next to each weight keeps what a layer gives nearest to what it gave.

A layer's error on its inputs x is quadratic in the error e of the weights of an output: e' C e with the covariance C of
x, once the bias has taken up e' mean(x). Rounding to nearest makes each e small, and not the sum.

Source: Nagel et al., Up or Down? Adaptive Rounding for Post-Training Quantization, ICML 2020,
https://arxiv.org/abs/2004.10568, section 3, for the objective. It is minimised without gradients: each weight in turn
takes up the error of those before it, as in Frantar et al., GPTQ, ICLR 2023, https://arxiv.org/abs/2210.17323, section
3, beginning with the inputs that vary most, and then single weights change as long as that lowers the error.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["choose", "noise"]

_Floats: TypeAlias = NDArray[np.float64]

_DAMPING = 0.01
"""Of the mean variance, added to each: inputs that were rounded themselves vary more, and not together."""

_SWEEPS = 20
"""Over the weights at most; mostly a few are enough."""


def choose(values: _Floats, covariance: _Floats, free: NDArray[np.bool_]) -> _Floats:
    """Round weights up or down, such that no output's noise is larger than with the nearest integers.

    Args:
        values: (groups, columns, outputs / groups), weights in steps.
        covariance: (groups, columns, columns), of the inputs.
        free: As `values`: which can go up or down; the others go to the nearest.
    """
    order = np.argsort(np.diagonal(covariance, axis1=1, axis2=2), axis=1)[:, :, None]
    values, free = np.take_along_axis(values, order, axis=1), np.take_along_axis(free, order, axis=1)
    covariance = np.take_along_axis(np.take_along_axis(covariance, order, axis=1), order.swapaxes(1, 2), axis=2)
    nearest = np.rint(values)
    lowest, highest = np.where(free, np.floor(values), nearest), np.where(free, np.ceil(values), nearest)
    variance = np.diagonal(covariance, axis1=1, axis2=2).mean(axis=1)
    damping = np.where(variance > 0, _DAMPING * variance, 1)
    damped = covariance + damping[:, None, None] * np.eye(covariance.shape[1])
    found = _fed_back(values, np.linalg.cholesky(damped), lowest, highest)
    _descend(found, values, damped, lowest, highest)
    better = noise(values - found, covariance) < noise(values - nearest, covariance)
    return np.take_along_axis(np.where(better[:, None], found, nearest), np.argsort(order, axis=1), axis=1)


def noise(error: _Floats, covariance: _Floats) -> _Floats:
    """(groups, columns, outputs / groups) of weights -> (groups, outputs / groups): the variance at the outputs."""
    found: _Floats = (error * (covariance @ error)).sum(axis=1)
    return found


def _fed_back(values: _Floats, factor: NDArray[Any], lowest: _Floats, highest: _Floats) -> _Floats:
    """From the last column to the first: what is nearest once the error of the later ones is added.

    With C = L L', e' C e is the sum of squares of e' L, of which column k holds e_k and later errors alone.
    """
    upper = np.ascontiguousarray(factor.swapaxes(1, 2))
    error = np.zeros_like(values)
    for k in reversed(range(values.shape[1])):
        later = upper[:, None, k, k + 1 :] @ error[:, k + 1 :]
        wanted = values[:, k] + later[:, 0] / upper[:, k, k, None]
        error[:, k] = values[:, k] - np.clip(np.rint(wanted), lowest[:, k], highest[:, k])
    return np.rint(values - error)


def _descend(found: _Floats, values: _Floats, covariance: _Floats, lowest: _Floats, highest: _Floats) -> None:
    """Move, in place, one weight after the other to where the error is least, until none moves."""
    slope = covariance @ (values - found)
    for _ in range(_SWEEPS):
        moved = False
        for k in range(values.shape[1]):
            wanted = np.rint(found[:, k] + slope[:, k] / covariance[:, k, k, None])
            change = np.clip(wanted, lowest[:, k], highest[:, k]) - found[:, k]
            outputs = np.flatnonzero(change.any(axis=0))
            if outputs.size:
                moved = True
                found[:, k] += change
                slope[:, :, outputs] -= covariance[:, :, k, None] * change[:, None, outputs]
        if not moved:
            return
