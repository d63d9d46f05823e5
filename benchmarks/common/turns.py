"""Times of several calls that take turns, so that what slows the machine slows them all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from edgeseg.bench.times.contest import SETTLE_S

__all__ = ["Turns", "taken_ms"]

_WARM_UP = 3


@dataclass(frozen=True)
class Turns:
    """How many rounds to take; fewer where they take longer than so many seconds, but at least so many."""

    rounds: int = 20
    seconds: float = float("inf")
    least: int = 3


def taken_ms(calls: Sequence[Callable[[], object]], turns: Turns) -> list[list[float]]:
    """The times of each call: once a round, in an order that is drawn anew, after rounds that don't count."""
    draw = Random(0)
    samples: list[list[float]] = [[] for _ in calls]

    def take(count: bool) -> None:
        for i in draw.sample(range(len(calls)), len(calls)):
            time.sleep(SETTLE_S)
            start = time.perf_counter()
            calls[i]()
            if count:
                samples[i].append(1e3 * (time.perf_counter() - start))

    for _ in range(_WARM_UP):
        take(count=False)
    begin = time.perf_counter()
    for done in range(turns.rounds):
        if done >= turns.least and time.perf_counter() - begin > turns.seconds:
            break
        take(count=True)
    return samples
