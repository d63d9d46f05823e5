"""What a gate would have said of a file and itself, on this machine."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgeseg.bench.gates.gate import GateOptions, Timing

__all__ = ["SelfTest"]


@dataclass(frozen=True)
class SelfTest:
    """Races of a file against itself, each to its end."""

    races: tuple[Timing, ...]
    options: GateOptions

    @property
    def false_alarms(self) -> int:
        """How many would have been a regression."""
        return sum(race.p_slower <= self.options.error for race in self.races)

    @property
    def covered(self) -> int:
        """How many of the intervals hold the truth, which is a ratio of one."""
        return sum(race.interval.low <= 1 <= race.interval.high for race in self.stated)

    @property
    def stated(self) -> list[Timing]:
        """The races with enough rounds for an interval."""
        return [race for race in self.races if math.isfinite(race.interval.high)]

    @property
    def detectable_percent(self) -> float | None:
        """The smallest slowdown that all of these races would have called one; None where some call none at all.

        That is one by which every ratio of a race would be higher, so that its lower end passes the limit.
        """
        lowest = min(race.interval.low for race in self.races)
        return 100 * (self.options.limit / lowest - 1) if lowest > 0 else None

    @property
    def rate_below_percent(self) -> float:
        """Below this the true rate of false alarms lies with a confidence of 95 % (Clopper and Pearson)."""
        runs, alarms = len(self.races), self.false_alarms
        low, high = 0.0, 1.0
        for _ in range(50):
            rate = (low + high) / 2
            fewer = sum(math.comb(runs, k) * rate**k * (1 - rate) ** (runs - k) for k in range(alarms + 1))
            low, high = (rate, high) if fewer > 0.05 else (low, rate)
        return 100 * high

    @property
    def summary(self) -> tuple[str, ...]:
        """Lines for people."""
        runs, found = len(self.races), self.detectable_percent
        detectable = "none: too few rounds; give it more --seconds" if found is None else f"{found:.1f} %"
        return (
            f"false alarms: {self.false_alarms} of {runs} (below {self.rate_below_percent:.1f} % with 95 % confidence; "
            f"at most {100 * self.options.error:.2g} % by design)",
            f"intervals that hold the truth: {self.covered} of {len(self.stated)}",
            f"smallest slowdown that every one of these races would have caught: {detectable} "
            f"(limit {self.options.max_slowdown_percent:g} %, {self.options.seconds:g} s)",
        )
