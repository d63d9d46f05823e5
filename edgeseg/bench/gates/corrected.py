"""A time against one that was taken in another run, or on another machine, both held against the same fixed work."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean, median

import numpy as np
from numpy.typing import NDArray

from edgeseg.bench.gates.gate import GateOptions, Timing
from edgeseg.bench.gates.sequential import Interval
from edgeseg.core.errors import InputError

__all__ = ["Run", "corrected_timing"]

_DRAWS = 10_000
_FEWEST_ROUNDS = 10
"""With fewer, drawing rounds says less of their spread than is stated."""


@dataclass(frozen=True)
class Run:
    """The rounds of one run: in each the median time of an artifact and of every reference workload, in ms."""

    ms: Sequence[float]
    reference_ms: Mapping[str, Sequence[float]]


def corrected_timing(then: Run, now: Run, options: GateOptions) -> Timing:
    """The ratio of the time now to that of then, after what the reference workloads say of the machine.

    Each workload gives a correction; where they disagree, for the one may be bound by memory and the other not, the
    truth may lie anywhere between, so the interval reaches over all of them. What each is sure of is found by drawing
    whole rounds of both runs; where either has too few of them, nothing is.

    Raises InputError where the runs have no workload in common.
    """
    workloads = sorted(then.reference_ms.keys() & now.reference_ms.keys())
    if not workloads or not then.ms:
        raise InputError("the baseline holds no time of the reference workloads; bench it again with this edgeseg")
    if few := _too_few(then, now):
        ratio = median(now.ms) / median(then.ms)
        return Timing(median(then.ms), median(now.ms), Interval(ratio, 0.0, math.inf), 1.0, 1.0, len(now.ms), few)
    random = np.random.default_rng(options.seed)
    of_then = random.integers(len(then.ms), size=(_DRAWS, len(then.ms)))
    of_now = random.integers(len(now.ms), size=(_DRAWS, len(now.ms)))
    middles, drawn = [], []
    for workload in workloads:
        old, new = _relative(then, workload), _relative(now, workload)
        middles.append(float(np.median(new) / np.median(old)))
        drawn.append(np.median(new[of_now], axis=1) / np.median(old[of_then], axis=1))
    low, high = np.min(drawn, axis=0), np.max(drawn, axis=0)
    factors = [median(now.reference_ms[name]) / median(then.reference_ms[name]) for name in workloads]
    told = ", ".join(f"{factor:.2f} ({name})" for factor, name in zip(factors, workloads, strict=True))
    return Timing(
        baseline_ms=median(then.ms),
        candidate_ms=median(now.ms),
        interval=Interval(
            geometric_mean(middles), float(np.quantile(low, options.error)), float(np.quantile(high, 1 - options.error))
        ),
        p_slower=(1 + int(np.count_nonzero(low <= options.limit))) / (1 + _DRAWS),
        p_within=(1 + int(np.count_nonzero(high >= options.limit))) / (1 + _DRAWS),
        rounds=len(now.ms),
        note=f"corrected for reference work that took {told} times as long as in the baseline's run; less sure than a "
        "race of two files",
    )


def _too_few(then: Run, now: Run) -> str:
    """What would give more rounds to the one that has too few; empty where none has."""
    for whose, run, remedy in (
        ("baseline", then, "bench it again without --effort quick"),
        ("candidate", now, "give it more --seconds"),
    ):
        if len(run.ms) < _FEWEST_ROUNDS:
            return f"the {whose}'s run has {len(run.ms)} rounds of the {_FEWEST_ROUNDS} that it takes: {remedy}"
    return ""


def _relative(run: Run, workload: str) -> NDArray[np.float64]:
    ratios: NDArray[np.float64] = np.divide(run.ms, run.reference_ms[workload])
    return ratios
