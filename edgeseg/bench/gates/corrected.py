"""A time against one that was taken in another run, or on another machine, both held against the same fixed work."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean, median

import numpy as np
from numpy.typing import NDArray

from edgeseg.bench.gates.gate import GateOptions, Timing
from edgeseg.bench.gates.sequential import Interval
from edgeseg.bench.times.waiting import MOST_WAITED_PERCENT
from edgeseg.core.errors import InputError

__all__ = ["Run", "corrected_timing", "draws_for", "in_common"]

_FEWEST_DRAWS, _MOST_DRAWS = 10_000, 300_000
_BEYOND = 10
"""Draws that are to lie beyond the error which a call is held to."""
_FEWEST_ROUNDS = 10
"""With fewer, drawing rounds says less of their spread than is stated."""


@dataclass(frozen=True)
class Run:
    """The rounds of one run: in each the median time of an artifact and of every reference workload, in ms.

    `waited_percent` of the time the artifact had no processor, since other processes did; None where it is not known.
    """

    ms: Sequence[float]
    reference_ms: Mapping[str, Sequence[float]]
    waited_percent: float | None = None


def in_common(then: Run, workloads: Collection[str]) -> list[str]:
    """The reference workloads that a baseline was timed beside; InputError where there are none."""
    found = sorted(then.reference_ms.keys() & workloads)
    if not found or not then.ms:
        raise InputError("the baseline holds no time of the reference workloads; bench it again with this edgeseg")
    return found


def draws_for(options: GateOptions, pairs: int) -> int:
    """How often rounds are drawn so that one pair of many can be decided; InputError where that is too often."""
    wanted = max(_FEWEST_DRAWS, math.ceil(_BEYOND * pairs / options.error))
    if wanted > _MOST_DRAWS:
        raise InputError(
            f"{pairs} pairs at {options.confidence_percent:g} %: more than a stored record can decide; give a lower "
            "--confidence, or the files that it is of"
        )
    return wanted


def corrected_timing(then: Run, now: Run, options: GateOptions, pairs: int = 1) -> Timing:
    """The ratio of the time now to that of then, after what the reference workloads say of the machine.

    Each workload gives a correction; where they disagree, for the one may be bound by memory and the other not, the
    truth may lie anywhere between, so the interval reaches over all of them. What each is sure of is found by drawing
    whole rounds of both runs. Where either has too few of them, nothing is, nor where other processes had its
    processors: calls longer than the reference work wait more than it does.

    The more pairs are decided together, the more often they are drawn.

    Raises InputError where the runs have no workload in common, or where there are too many pairs.
    """
    workloads, draws = in_common(then, now.reference_ms.keys()), draws_for(options, pairs)
    if why := _undecidable(then, now):
        nothing = Interval(median(now.ms) / median(then.ms), 0.0, math.inf)
        return Timing(median(then.ms), median(now.ms), nothing, 1.0, 1.0, len(now.ms), undecidable=why)
    random = np.random.default_rng(options.seed)
    old, new = ([_relative(run, workload) for workload in workloads] for run in (then, now))
    middles = [float(np.median(after) / np.median(before)) for before, after in zip(old, new, strict=True)]
    lows, highs = [], []
    for _ in range(0, draws, _FEWEST_DRAWS):
        of_then, of_now = (random.integers(len(run.ms), size=(_FEWEST_DRAWS, len(run.ms))) for run in (then, now))
        drawn = [_medians(after, of_now) / _medians(before, of_then) for before, after in zip(old, new, strict=True)]
        lows.append(np.min(drawn, axis=0))
        highs.append(np.max(drawn, axis=0))
    low, high = np.concatenate(lows), np.concatenate(highs)
    factors = [median(now.reference_ms[name]) / median(then.reference_ms[name]) for name in workloads]
    told = ", ".join(f"{factor:.2f} ({name})" for factor, name in zip(factors, workloads, strict=True))
    return Timing(
        baseline_ms=median(then.ms),
        candidate_ms=median(now.ms),
        interval=Interval(
            geometric_mean(middles), float(np.quantile(low, options.error)), float(np.quantile(high, 1 - options.error))
        ),
        p_slower=(1 + int(np.count_nonzero(low <= options.limit))) / (1 + low.size),
        p_within=(1 + int(np.count_nonzero(high >= options.limit))) / (1 + high.size),
        rounds=len(now.ms),
        note=f"corrected for reference work that took {told} times as long as in the baseline's run; less sure than a "
        "race of two files",
    )


def _undecidable(then: Run, now: Run) -> str:
    """What is wrong with one of the runs, and what would help; empty where nothing is."""
    for whose, run, longer, again in (
        ("baseline", then, "bench it again with --effort strict", "bench it again in quiet"),
        ("candidate", now, "give it more --seconds", "try again in quiet, or race two files"),
    ):
        if len(run.ms) < _FEWEST_ROUNDS:
            return f"the {whose}'s run has {len(run.ms)} rounds of the {_FEWEST_ROUNDS} that it takes: {longer}"
        if run.waited_percent is not None and run.waited_percent > MOST_WAITED_PERCENT:
            return (
                f"the {whose} waited for processors that others had for {run.waited_percent:.0f} % of its time, which "
                f"no reference work corrects: {again}"
            )
    return ""


def _medians(values: NDArray[np.float64], drawn: NDArray[np.int64]) -> NDArray[np.float64]:
    middles: NDArray[np.float64] = np.median(values[drawn], axis=1)
    return middles


def _relative(run: Run, workload: str) -> NDArray[np.float64]:
    ratios: NDArray[np.float64] = np.divide(run.ms, run.reference_ms[workload])
    return ratios
