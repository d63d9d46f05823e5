"""A candidate against a stored Record, for those who no longer have the file that it is of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from statistics import median
from time import monotonic

from edgeseg.bench.gates.corrected import Run, corrected_timing, in_common
from edgeseg.bench.gates.gate import GateOptions, Timing
from edgeseg.bench.times.latency import LatencyOptions
from edgeseg.bench.times.reference import WORKLOADS
from edgeseg.bench.times.remarks import round_medians
from edgeseg.core.record import Record
from edgeseg.pipeline.gates.terms import refuse_unlike, terms_of, terms_of_record
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.timing import REFERENCE_CALLS
from edgeseg.pipeline.measure.turns import Player, one_round, open_reference

__all__ = ["WARM_UP", "against_record"]

WARM_UP = LatencyOptions(warmup_s=0.5)
"""A race needs of it how long a call takes, and little of its seconds; it opens files anew all the time."""

_TURN_MS = 30
_FEWEST_CALLS = 2


def against_record(record: Record, job: Job, options: GateOptions, pairs: int, told: Callable[[float], None]) -> Timing:
    """Time a candidate and the reference workloads for the seconds of the options.

    Raises InputError where the candidate is not to be run as the record was made, or the record decides nothing.
    """
    started, then = monotonic(), _run(record)
    in_common(then, WORKLOADS.keys())
    with open_reference() as reference, Player(replace(job, latency=WARM_UP)) as player:
        refuse_unlike(terms_of_record(record), terms_of(job, player.opened()), job.source.target)
        calls = max(_FEWEST_CALLS, round(_TURN_MS / player.warm("network")))
        ms: list[float] = []
        steady: dict[str, list[float]] = {name: [] for name in WORKLOADS}

        def play() -> None:
            ms.append(median(player.turn("network", calls, anew=True)))

        def play_reference() -> None:
            for workload, medians in steady.items():
                medians.append(median(reference.turn(workload, REFERENCE_CALLS)))

        drawn, share = Random(options.seed), 0.0
        while share < 1:
            one_round([play, play_reference], drawn)
            share = min(1.0, (monotonic() - started) / options.seconds)
            told(share)
    return corrected_timing(then, Run(ms, steady, player.waited_percent), options, pairs)


def _run(record: Record) -> Run:
    """Without a time where the record, of an older edgeseg, does not know its rounds."""
    if not record.network_rounds:
        return Run((), {})
    numbers = sorted(set(record.network_rounds))
    held = {name: [medians[number] for number in numbers] for name, medians in record.reference_ms.items()}
    waited = record.environment.get("waited_percent")
    known = float(waited) if isinstance(waited, int | float) else None
    return Run(round_medians(record.network_ms, record.network_rounds), held, known)
