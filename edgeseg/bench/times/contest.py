"""Which of several calls takes less time, told by taking turns, so that what slows the machine slows them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter_ns, sleep

__all__ = ["SETTLE_S", "Contest", "take_turns"]

SETTLE_S = 0.03
"""In which the threads of a runtime's pool stop spinning after a call, before another has its turn."""

_FEWEST_TURNS = 7
_NS_PER_MS = 1e6


@dataclass(frozen=True)
class Contest:
    """Times in milliseconds of two calls that took turns: as many of each, in the order in which they were taken."""

    ms: tuple[float, ...]
    other_ms: tuple[float, ...]

    @property
    def p50_ms(self) -> float:
        """Of the first call."""
        return median(self.ms)

    @property
    def other_p50_ms(self) -> float:
        """Of the other call."""
        return median(self.other_ms)

    @property
    def ratio(self) -> float:
        """Time of the first call over that of the other, as the median of all turns."""
        return median(self._ratios)

    @property
    def is_slower(self) -> bool:
        """Whether the first call took longer in three of four turns."""
        return quantiles(self._ratios, n=4, method="inclusive")[0] > 1

    @property
    def is_faster(self) -> bool:
        """Whether the first call took less time in three of four turns."""
        return quantiles(self._ratios, n=4, method="inclusive")[2] < 1

    @property
    def _ratios(self) -> list[float]:
        return [one / other for one, other in zip(self.ms, self.other_ms, strict=True)]


def take_turns(
    calls: Sequence[Callable[[], object]], seconds: float, *, pools: bool = False
) -> tuple[tuple[float, ...], ...]:
    """Call one after the other, for so many seconds but at least seven turns after two that don't count.

    Where each has a pool of threads, `pools`, it waits until those of the others are at rest, and its first call after
    that does not count. Returns the times of each call in milliseconds.
    """
    taken: list[list[int]] = [[] for _ in calls]
    for _ in range(2):
        for call in calls:
            call()
    start = perf_counter_ns()
    while len(taken[0]) < _FEWEST_TURNS or perf_counter_ns() - start < seconds * 1e9:
        for call, times in zip(calls, taken, strict=True):
            if pools:
                sleep(SETTLE_S)
                call()
            before = perf_counter_ns()
            call()
            times.append(perf_counter_ns() - before)
    return tuple(tuple(ns / _NS_PER_MS for ns in times) for times in taken)
