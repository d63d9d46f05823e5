"""Is a ratio above a limit? Looked at several times while rounds come in, with one error rate for all the looks.

Each round gives the ratio of two times that were taken one right after the other, in an order that was drawn. Whatever
slows the machine is as likely to fall on one as on the other, so where the true ratio is the limit, a round's lies
above it as often as a coin falls on heads, however long or lopsided the noise is. Counting heads is the sign test; its
thresholds are computed exactly here, by following the distribution of the count from look to look.

Group-sequential tests by spending: Lan and DeMets, Discrete sequential boundaries for clinical trials, 1983. Intervals
that hold at every look: Jennison and Turnbull, Repeated confidence intervals, 1984. Several pairs: Holm, 1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import MeasureError

__all__ = ["Interval", "Look", "holm", "p_values", "ratio_interval", "thresholds"]

_POWER = 3
"""Of the share of the budget, in the share of the error that may be spent by then: hardly any early."""

_HALVINGS = 40


@dataclass(frozen=True)
class Look:
    """When the rounds so far were looked at: their number, and the share of the budget spent, from 0 to 1."""

    rounds: int
    share: float


@dataclass(frozen=True)
class Interval:
    """A median between two ends; an end is infinite where the rounds are too few to state it."""

    low: float
    high: float


def thresholds(looks: Sequence[Look], error: float) -> list[int]:
    """For each look, the count of heads from which on a fair coin is not believed; above its rounds where none is.

    With a fair coin, the chance that any look reaches its threshold is at most `error`, and by a share s of the budget
    at most error * s**3.
    """
    _check(looks)
    state: NDArray[np.float64] = np.ones(1)
    rounds, spent, found = 0, 0.0, []
    for look in looks:
        state = np.convolve(state, _fair(look.rounds - rounds))
        tails = np.cumsum(state[::-1])[::-1]
        allowed = error * look.share**_POWER - spent
        threshold = int(np.argmax(tails <= allowed)) if tails[-1] <= allowed else look.rounds + 1
        state[threshold:] = 0
        rounds, spent = look.rounds, error * look.share**_POWER
        found.append(threshold)
    return found


def ratio_interval(ratios: Sequence[float], looks: Sequence[Look], error: float) -> Interval:
    """Where the median ratio lies, by the rounds until the last look.

    It misses on either side with a chance of at most `error`, even for one who stops at any of the looks because of it.
    """
    count = thresholds(looks, error)[-1]
    ordered = sorted(ratios)
    _check_count(ordered, looks)
    if count > len(ordered):
        return Interval(0.0, math.inf)
    return Interval(ordered[len(ordered) - count], ordered[count - 1])


def p_values(ratios: Sequence[float], looks: Sequence[Look], limit: float) -> tuple[float, float]:
    """The smallest errors at which the last look's interval lies above the limit, and below it; 1 where none does."""
    _check_count(ratios, looks)
    above = sum(ratio > limit for ratio in ratios)
    below = sum(ratio < limit for ratio in ratios)
    return _smallest_error(looks, above), _smallest_error(looks, below)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values as they count when they are read together: the chance of any false call stays what each one's was."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = largest
    return adjusted


def _smallest_error(looks: Sequence[Look], heads: int) -> float:
    """A larger error has no higher threshold at any look, so that bisection finds where it is reached."""
    if heads < thresholds(looks, 1.0)[-1]:
        return 1.0
    low, high = -_HALVINGS * math.log(2), 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if heads >= thresholds(looks, math.exp(middle))[-1]:
            high = middle
        else:
            low = middle
    return math.exp(high)


def _fair(tosses: int) -> NDArray[np.float64]:
    """The distribution of heads in tosses of a fair coin."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, tosses + 1)))])
    chances: NDArray[np.float64] = np.exp(logs[-1] - logs - logs[::-1] - tosses * math.log(2))
    return chances


def _check(looks: Sequence[Look]) -> None:
    steps = [Look(0, 0.0), *looks]
    for before, after in zip(steps, looks, strict=False):
        if after.rounds < before.rounds or not before.share <= after.share <= 1:
            raise MeasureError(f"looks {list(looks)}: rounds and shares of the budget must not fall, nor shares pass 1")


def _check_count(ratios: Sequence[float], looks: Sequence[Look]) -> None:
    if not looks or len(ratios) != looks[-1].rounds:
        raise MeasureError(f"{len(ratios)} ratios, but looks {list(looks)}: the last look is at all the ratios")
