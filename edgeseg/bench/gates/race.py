"""Two that take turns, until it is decided whether one is slower than the other by more than a limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import exp, log
from random import Random
from statistics import median
from time import monotonic
from typing import TypeAlias

from edgeseg.bench.gates.gate import GateOptions, Timing
from edgeseg.bench.gates.sequential import Look, p_values, ratio_interval

__all__ = ["Runner", "race"]

Runner: TypeAlias = Callable[[bool], Sequence[float]]
"""Takes a turn, after opening its artifact anew or as it is, and gives the time of each call in ms."""

_LOOKS = 9
_FIRST = 0.05
_SHARES = tuple(_FIRST ** (1 - look / (_LOOKS - 1)) for look in range(_LOOKS))
"""Of the time, at which it is looked whether it is decided: ever further apart, so that what is clear is soon over."""

_MOST_TURNS = 15

_TRIALS, _TRIALS_S = 3, 1.0
"""Turns that tell how long one takes, so that one that was disturbed does not; no further ones after a second."""


def race(
    baseline: Runner,
    candidate: Runner,
    options: GateOptions,
    *,
    pairs: int = 1,
    to_the_end: bool = False,
    clock: Callable[[], float] = monotonic,
    started: float | None = None,
    told: Callable[[float], None] = lambda share: None,
) -> Timing:
    """Race until decided, or until the seconds of the options are spent.

    In every round both are opened anew, since where in memory a network happens to lie makes it faster or slower by a
    percent for as long as it is open, and then take so many turns as fill about twice the time that opening took. The
    round's ratio is the median of its turns', in logarithms.

    Args:
        baseline: What the ratio is taken to.
        candidate: Whose time it is of.
        options: The limit, the error and the time.
        pairs: Races that are decided on together.
        to_the_end: Whether to go on though it is decided. The interval is then that of the end, and what was decided
            stands.
        clock: Seconds.
        started: When the clock began to count; by default now.
        told: The share of the time that is spent, after every round.
    """
    start = clock() if started is None else started
    rounds = _Rounds((baseline, candidate), Random(options.seed), clock)
    looks: list[Look] = []
    decided: tuple[float, float] | None = None
    while True:
        rounds.play()
        share = min(1.0, (clock() - start) / options.seconds)
        told(share)
        last = looks[-1].share if looks else 0.0
        if share < next(each for each in _SHARES if each > last):
            continue
        looks.append(Look(len(rounds.ratios), share))
        found = p_values(rounds.ratios, looks, options.limit)
        if not decided and min(found) * pairs <= options.error:
            decided = found
        if share == 1 or (decided and not to_the_end):
            interval = ratio_interval(rounds.ratios, looks, options.error)
            return Timing(*rounds.medians(), interval, *(decided or found), len(rounds.ratios))


@dataclass
class _Rounds:
    runners: tuple[Runner, Runner]
    drawn: Random
    clock: Callable[[], float]
    turns: int = 0
    ratios: list[float] = field(default_factory=list)
    times: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))

    def play(self) -> None:
        """One round, before the first of which one that does not count says how many turns are worth opening for."""
        if not self.turns:
            opening, trials = self._took(anew=True), [self._took(anew=False)]
            while len(trials) < _TRIALS and sum(trials) < _TRIALS_S:
                trials.append(self._took(anew=False))
            turn = median(trials)
            self.turns = max(1, min(_MOST_TURNS, round(2 * (opening - turn) / turn))) if turn > 0 else 1
        found = [self._turn(anew=number == 0) for number in range(self.turns)]
        self.ratios.append(_middle_ratio(found))
        for times, own in zip(self.times, zip(*found, strict=True), strict=True):
            times.append(median(own))

    def _took(self, *, anew: bool) -> float:
        start = self.clock()
        self._turn(anew=anew)
        return self.clock() - start

    def medians(self) -> tuple[float, float]:
        """Of all rounds, in ms, of the baseline and of the candidate."""
        return median(self.times[0]), median(self.times[1])

    def _turn(self, *, anew: bool) -> tuple[float, float]:
        """The median of each one's calls, the order being drawn."""
        first = self.drawn.randrange(2)
        found = {index: median(self.runners[index](anew)) for index in (first, 1 - first)}
        return found[0], found[1]


def _middle_ratio(turns: Sequence[tuple[float, float]]) -> float:
    """In logarithms, since the mean of the middle two ratios, 2 and a half say, would lean to the slower side."""
    return exp(median(log(candidate / baseline) for baseline, candidate in turns))
