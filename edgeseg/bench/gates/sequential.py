"""Is a ratio above a limit? Looked at several times while rounds come in, with one error rate for all the looks.

Each round gives the ratio of two times that were taken in turns, in an order that was drawn. Whatever slows the machine
is as likely to fall on one as on the other, so a round's ratio lies as far above the true one as below it, however long
and lopsided the noise is: that is all that Wilcoxon's signed-rank test asks for. Ranks are taken within groups of
rounds that follow each other, which makes the sum over groups one of independent counts. Its distribution is followed
from look to look exactly.

Signed ranks: Wilcoxon, 1945; as counts of averages, which gives intervals: Hodges and Lehmann, 1963. An error that is
spent look by look: Lan and DeMets, 1983. Intervals that hold at every look: Jennison and Turnbull, 1984. Several
questions at once: Holm, 1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import MeasureError

__all__ = ["Interval", "Look", "holm", "p_values", "ratio_interval", "thresholds"]

_POWER = 3
"""Of the share of the budget, in the share of the error that may be spent by then: hardly any early."""

_GROUP = 20
"""Rounds that are ranked together at most: nearly all that ranking can give, and still quick to count."""

_HALVINGS = 40


@dataclass(frozen=True)
class Look:
    """When the rounds so far were looked at: their number, and the share of the budget spent, from 0 to 1."""

    rounds: int
    share: float


@dataclass(frozen=True)
class Interval:
    """A ratio between two ends; where the rounds are too few to state them they are 0 and infinity."""

    ratio: float
    low: float
    high: float


def thresholds(looks: Sequence[Look], error: float) -> list[int]:
    """For each look, the sum of positive ranks from which on the ratio is above; out of reach where none is enough.

    At a ratio on the limit, the chance that any look reaches its threshold is at most `error`, and that one does by a
    share s of the budget at most error * s**3.
    """
    state: NDArray[np.float64] = np.ones(1)
    spent, found = 0.0, []
    for look, groups in zip(looks, _groups(looks), strict=True):
        for rounds in groups:
            state = np.convolve(state, _signed_ranks(rounds))
        tails = np.cumsum(state[::-1])[::-1]
        allowed = error * look.share**_POWER - spent
        threshold = int(np.argmax(tails <= allowed)) if tails[-1] <= allowed else len(tails)
        state[threshold:] = 0
        spent = error * look.share**_POWER
        found.append(threshold)
    return found


def ratio_interval(ratios: Sequence[float], looks: Sequence[Look], error: float) -> Interval:
    """Where the true ratio lies, by the rounds until the last look.

    It misses on either side with a chance of at most `error`, even for one who stops at any of the looks because of it.
    """
    averages = np.sort(_averages(ratios, looks))
    threshold = thresholds(looks, error)[-1]
    middle = float(np.exp(np.median(averages)))
    if threshold > len(averages):
        return Interval(middle, 0.0, math.inf)
    return Interval(middle, *np.exp(averages[[len(averages) - threshold, threshold - 1]]).tolist())


def p_values(ratios: Sequence[float], looks: Sequence[Look], limit: float) -> tuple[float, float]:
    """The smallest errors at which the last look's interval lies above the limit, and below it; 1 where none does."""
    averages = _averages(ratios, looks)
    above, below = (int(np.count_nonzero(side)) for side in (averages > math.log(limit), averages < math.log(limit)))
    return _smallest_error(looks, above), _smallest_error(looks, below)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values as they count when they are read together: the chance of any false call stays what each one's was."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = largest
    return adjusted


def _smallest_error(looks: Sequence[Look], sum_of_ranks: int) -> float:
    """A larger error has no higher threshold at any look, so that bisection finds where it is reached."""
    if sum_of_ranks < thresholds(looks, 1.0)[-1]:
        return 1.0
    low, high = -_HALVINGS * math.log(2), 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if sum_of_ranks >= thresholds(looks, math.exp(middle))[-1]:
            high = middle
        else:
            low = middle
    return math.exp(high)


def _averages(ratios: Sequence[float], looks: Sequence[Look]) -> NDArray[np.float64]:
    """Of every two logarithms in a group, each with itself too: so many lie above a limit as positive ranks sum to."""
    if not looks or len(ratios) != looks[-1].rounds or not ratios:
        raise MeasureError(f"{len(ratios)} ratios, but looks {list(looks)}: the last look is at all of at least one")
    logs = np.log(np.asarray(ratios, float))
    found, start = [], 0
    for rounds in (size for groups in _groups(looks) for size in groups):
        group = logs[start : start + rounds]
        rows, columns = np.triu_indices(rounds)
        found.append((group[rows] + group[columns]) / 2)
        start += rounds
    return np.concatenate(found)


@cache
def _signed_ranks(rounds: int) -> NDArray[np.float64]:
    """The chance of every sum of the ranks 1 to `rounds` that come out positive, each with the chance of a half."""
    chances: NDArray[np.float64] = np.ones(1)
    for rank in range(1, rounds + 1):
        longer = np.zeros(len(chances) + rank)
        longer[: len(chances)] = chances
        longer[rank:] += chances
        chances = longer / 2
    return chances


def _groups(looks: Sequence[Look]) -> list[list[int]]:
    """The sizes of the groups of rounds that came in from look to look."""
    found, before = [], Look(0, 0.0)
    for look in looks:
        if look.rounds < before.rounds or not before.share <= look.share <= 1:
            raise MeasureError(f"looks {list(looks)}: rounds and shares of the budget must not fall, nor shares pass 1")
        new = look.rounds - before.rounds
        found.append([_GROUP] * (new // _GROUP) + [new % _GROUP] * (new % _GROUP > 0))
        before = look
    return found
