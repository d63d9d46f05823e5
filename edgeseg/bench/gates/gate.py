"""What a gate decides: a table of limits, what was measured of each pair, and whether it stays within them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from edgeseg.bench.gates.sequential import Interval, holm
from edgeseg.core.errors import InputError

__all__ = ["Check", "GateOptions", "GateVerdict", "Measured", "Outcome", "Ruling", "Timing", "percent", "rule"]

Outcome: TypeAlias = Literal["passed", "regression", "undecided"]


@dataclass(frozen=True)
class GateOptions:
    """Limits, and how they are decided on. A limit of None is not looked at; the one of time always is.

    `seconds` is what a pair may take until undecided. `confidence_percent` is that of the whole gate: with more than
    one pair, each is held to a higher one, so that the chance of one false call among them all stays the same.
    """

    max_slowdown_percent: float = 5.0
    max_miou_loss_points: float | None = None
    max_size_growth_percent: float | None = None
    max_madds_growth_percent: float | None = None
    max_memory_growth_percent: float | None = None
    seconds: float = 15.0
    confidence_percent: float = 99.0
    seed: int = 0

    @property
    def limit(self) -> float:
        """The largest ratio of times that passes."""
        return 1 + self.max_slowdown_percent / 100

    @property
    def error(self) -> float:
        """The chance of a false call that is allowed on either side."""
        return (1 - self.confidence_percent / 100) / 2

    def validate(self) -> None:
        """Raise InputError for what no gate can hold to."""
        limits = {
            "slowdown": self.max_slowdown_percent,
            "mIoU loss": self.max_miou_loss_points,
            "file growth": self.max_size_growth_percent,
            "MAdds growth": self.max_madds_growth_percent,
            "memory growth": self.max_memory_growth_percent,
        }
        for what, limit in limits.items():
            if limit is not None and not 0 <= limit < math.inf:
                raise InputError(f"a largest {what} of {limit}: expected 0 or more, for example 5")
        if not 0 < self.seconds < math.inf:
            raise InputError(f"{self.seconds} seconds: expected more than 0, for example 15")
        if not 50 <= self.confidence_percent < 100:
            raise InputError(f"a confidence of {self.confidence_percent} %: expected 50 to below 100, for example 99")
        if self.seed < 0:
            raise InputError(f"a seed of {self.seed}: expected 0 or more")


@dataclass(frozen=True)
class Timing:
    """The times of a pair. `p_slower` and `p_within` are the smallest errors at which its ratio is called above the
    limit and below it; the interval is at the gate's confidence, for this pair alone. `undecidable` is why no interval
    can be stated, and what would help.
    """

    baseline_ms: float
    candidate_ms: float
    interval: Interval
    p_slower: float
    p_within: float
    rounds: int
    note: str = ""
    undecidable: str = ""


@dataclass(frozen=True)
class Check:
    """A figure that is compared as it is. `unit` is of the limit: percent of growth, or points of loss."""

    what: str
    unit: Literal["%", "points"]
    baseline: float | None
    candidate: float | None
    limit: float

    @property
    def change(self) -> float | None:
        """For the worse, in the limit's unit; None where a figure is missing."""
        if self.baseline is None or self.candidate is None:
            return None
        if self.unit == "points":
            return self.baseline - self.candidate
        if self.baseline == 0:
            return 0.0 if self.candidate == 0 else math.inf
        return 100 * (self.candidate - self.baseline) / self.baseline

    @property
    def outcome(self) -> Outcome:
        """Undecided where a figure is missing."""
        if self.change is None:
            return "undecided"
        return "passed" if self.change <= self.limit else "regression"


@dataclass(frozen=True)
class Measured:
    """What is known of a pair; `failure` is why it could not be compared."""

    name: str
    timing: Timing | None = None
    checks: tuple[Check, ...] = ()
    failure: str | None = None


@dataclass(frozen=True)
class Ruling:
    """The outcome of a pair and the reasons for it, one line each."""

    measured: Measured
    outcome: Outcome
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class GateVerdict:
    """The outcome of a gate: a regression if there is any, passed if every pair passed and there was at least one."""

    rulings: tuple[Ruling, ...]
    options: GateOptions

    @property
    def outcome(self) -> Outcome:
        """Of all pairs together."""
        return _worst(ruling.outcome for ruling in self.rulings)

    @property
    def exit_code(self) -> int:
        """0 passed, 1 regression, 2 undecided or nothing measured."""
        return {"passed": 0, "regression": 1, "undecided": 2}[self.outcome]


def rule(pairs: Sequence[Measured], options: GateOptions) -> GateVerdict:
    """Decide on every pair. One whose times were not taken is never passed."""
    timings = [pair.timing for pair in pairs if pair.timing]
    slower = iter(holm([timing.p_slower for timing in timings]))
    within = iter(holm([timing.p_within for timing in timings]))
    rulings = []
    for pair in pairs:
        found: list[tuple[Outcome, str]] = [(check.outcome, _checked(check)) for check in pair.checks]
        if pair.timing:
            found.append(_timed(pair.timing, next(slower), next(within), options))
        if pair.failure or not pair.timing:
            found.append(("undecided", pair.failure or "its times were not taken"))
        worst = _worst(outcome for outcome, _ in found)
        rulings.append(Ruling(pair, worst, tuple(reason for outcome, reason in found if outcome == worst)))
    return GateVerdict(tuple(rulings), options)


def _worst(outcomes: Iterable[Outcome]) -> Outcome:
    found = set(outcomes) or {"undecided"}
    return "regression" if "regression" in found else "undecided" if "undecided" in found else "passed"


def _timed(timing: Timing, p_slower: float, p_within: float, options: GateOptions) -> tuple[Outcome, str]:
    if timing.undecidable:
        return "undecided", timing.undecidable
    shown = f"{percent(timing.interval.ratio)} [{percent(timing.interval.low)}, {percent(timing.interval.high)}]"
    limit = f"limit +{options.max_slowdown_percent:g} %"
    if p_slower <= options.error:
        return "regression", f"slower: {shown}, {limit}"
    if p_within <= options.error:
        return "passed", f"time {shown}, {limit}"
    return "undecided", f"time {shown} after {timing.rounds} rounds, {limit}; give it more --seconds"


def percent(ratio: float) -> str:
    """A ratio of times as a slowdown: 1.05 is +5.0 %."""
    return f"{100 * (ratio - 1):+.1f} %" if math.isfinite(ratio) and ratio > 0 else "?"


def _checked(check: Check) -> str:
    if check.change is None:
        return f"{check.what} is not known of {'the baseline' if check.baseline is None else 'the candidate'}"
    return f"{check.what} {check.change:+.2f} {check.unit}, limit {check.limit:+g} {check.unit}"
