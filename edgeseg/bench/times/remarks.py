"""What the rounds of a run say about the machine that it ran on, in lines to be put beside the table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles

from edgeseg.bench.times.waiting import MOST_WAITED_PERCENT
from edgeseg.core.cpu import read_text

__all__ = ["processor_ticks", "remarks", "round_medians", "stolen_percent"]

_STAT = Path("/proc/stat")
_STOLEN = 7

_FEWEST_ROUNDS = 8
"""In which a trend can be told from chance."""

_TREND = 3.0
"""Standard deviations of Kendall's count that are taken for a trend: one run in 370 that has none."""

_DRIFT_PERCENT = 2.0
_SPREAD_PERCENT = 5.0
_STOLEN_PERCENT = 1.0


def remarks(
    rounds_ms: Sequence[float],
    reference_ms: Mapping[str, Sequence[float]],
    stolen: float | None = None,
    waited: float | None = None,
    *,
    is_steady: bool = True,
) -> tuple[str, ...]:
    """One line for a warm-up cut short, for drift, for a noisy neighbour, and for time that the hypervisor took.

    Args:
        rounds_ms: The median time of each round of an artifact.
        reference_ms: Those of the reference workloads: what slows them too is the machine's doing.
        stolen: Percent of the processor's time.
        waited: Percent of the artifact's time for which its threads had no processor, whatever the rounds look like.
        is_steady: Whether calls were steady when warm-up ended.
    """
    found = []
    if not is_steady:
        found.append(
            "warm-up ended before calls were steady, so the first rounds may be slow; --effort strict gives it a minute"
        )
    if len(rounds_ms) < _FEWEST_ROUNDS:
        found.append(f"under {_FEWEST_ROUNDS} rounds: drift was not looked for, and intervals are rough")
    else:
        drift, sign = _drift_percent(rounds_ms), _trend(rounds_ms)
        if abs(drift) > _DRIFT_PERCENT and sign:
            shared = any(_trend(ms) == sign for ms in reference_ms.values())
            why = (
                "the reference work did too, so the machine throttled or was busier" if shared else "warm-up, or memory"
            )
            found.append(f"drift: its last rounds took {drift:+.1f} % of time against its first ({why})")
    if waited is not None and waited > MOST_WAITED_PERCENT:
        found.append(
            f"noisy neighbour: for {waited:.0f} % of its time it waited for processors that others had; measure again "
            "in quiet"
        )
    elif len(rounds_ms) > 1:
        lower, _, upper = quantiles(rounds_ms, n=4, method="inclusive")
        spread = 100 * (upper - lower) / median(rounds_ms)
        if spread > _SPREAD_PERCENT:
            found.append(
                f"noisy neighbour: half of its rounds differ by more than {spread:.0f} %; measure again in quiet"
            )
    if stolen is not None and stolen > _STOLEN_PERCENT:
        found.append(f"the hypervisor took {stolen:.0f} % of the processor's time for others")
    return tuple(found)


def round_medians(ms: Iterable[float], rounds: Iterable[int]) -> list[float]:
    """The median of each round's samples, in the order of rounds."""
    found: dict[int, list[float]] = {}
    for sample, number in zip(ms, rounds, strict=True):
        found.setdefault(number, []).append(sample)
    return [median(found[number]) for number in sorted(found)]


def processor_ticks(path: Path = _STAT) -> tuple[int, ...] | None:
    """What the processors' time went into since the system started; None where it does not tell."""
    found = re.match(r"cpu +([\d ]+)$", read_text(path) or "", re.MULTILINE)
    return tuple(map(int, found[1].split())) if found else None


def stolen_percent(before: Sequence[int] | None, after: Sequence[int] | None) -> float | None:
    """The share of the time between two readings that a hypervisor gave to others."""
    if before is None or after is None or len(before) <= _STOLEN or sum(after) <= sum(before):
        return None
    return 100 * (after[_STOLEN] - before[_STOLEN]) / (sum(after) - sum(before))


def _drift_percent(values: Sequence[float]) -> float:
    third = len(values) // 3
    return 100 * (median(values[-third:]) / median(values[:third]) - 1)


def _trend(values: Sequence[float]) -> int:
    """1 or -1 where values rise or fall, by Kendall's count of pairs in and out of order (Mann, 1945); else 0."""
    n = len(values)
    count = sum((late > early) - (late < early) for i, early in enumerate(values) for late in values[i + 1 :])
    deviation = (n * (n - 1) * (2 * n + 5) / 18) ** 0.5
    if abs(count) <= _TREND * deviation:
        return 0
    return 1 if count > 0 else -1
