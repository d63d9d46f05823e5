"""The times of many artifacts and models, all taken in the same rounds."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from random import Random
from statistics import median
from time import monotonic

from edgeseg.bench.times.latency import LatencyOptions, share_done
from edgeseg.bench.times.reference import WORKLOADS
from edgeseg.bench.times.remarks import processor_ticks, stolen_percent
from edgeseg.core.errors import EdgesegError
from edgeseg.core.protocols import Progress
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.turns import Player, Reference, Stage, one_round, open_reference

__all__ = ["REFERENCE_CALLS", "Times", "take_times"]

REFERENCE_CALLS = 3
_TURN_MS = 100
_FEWEST_CALLS = 3
_STAGES: tuple[Stage, ...] = ("network", "classmap")


@dataclass
class Samples:
    """Times in ms in the order in which they were taken, and the round of each."""

    ms: list[float] = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)


@dataclass
class Times:
    """All that was timed of one artifact; `reference_ms` has the median of each workload in each round.

    `energy_mj` is that of one run of the network, `stolen_percent` the processors' time that other machines had,
    `waited_percent` the network's time that other processes had, and `is_steady` whether calls were when warm-up ended.
    """

    network: Samples
    classmap: Samples
    reference_ms: dict[str, list[float]]
    energy_mj: float | None
    stolen_percent: float | None
    waited_percent: float | None
    is_steady: bool


class _Runner:
    """One artifact through the rounds, until it has what it needs or fails."""

    def __init__(self, player: Player, options: LatencyOptions) -> None:
        self.player = player
        self.options = options
        self.samples = {stage: Samples() for stage in _STAGES}
        self.error: EdgesegError | None = None
        self._calls: dict[Stage, int] = {}
        self._opening_s = self._turns_s = 0.0

    def open(self) -> None:
        """Wait until it is."""
        try:
            self.player.opened()
        except EdgesegError as error:
            self.error = error

    def warm(self) -> None:
        """Warm up, unless it failed."""
        if self.error:
            return
        try:
            for stage in _STAGES:
                self._calls[stage] = max(_FEWEST_CALLS, round(_TURN_MS / self.player.warm(stage)))
        except EdgesegError as error:
            self.error = error

    @property
    def done(self) -> float:
        """The share of its sampling that is behind it."""
        if self.error:
            return 1.0
        return min(share_done(len(own.ms), sum(own.ms) / 1000, self.options) for own in self.samples.values())

    def play(self, number: int) -> None:
        """One turn of every stage."""
        if self.done >= 1:
            return
        try:
            for stage, own in self.samples.items():
                ms = self._turn(stage)
                own.ms.extend(ms)
                own.rounds.extend([number] * len(ms))
        except EdgesegError as error:
            self.error = error

    def times(self, reference_ms: dict[str, list[float]], stolen: float | None) -> Times:
        """What was found."""
        energy = median(self.player.energy_mj) if self.player.energy_mj else None
        network, classmap = (self.samples[stage] for stage in _STAGES)
        return Times(network, classmap, reference_ms, energy, stolen, self.player.waited_percent, self.player.is_steady)

    def _turn(self, stage: Stage) -> tuple[float, ...]:
        """Opened anew as often as that costs no more time than the turns do."""
        anew = stage == "network" and self._opening_s <= self._turns_s
        start = monotonic()
        ms = self.player.turn(stage, self._calls[stage], anew=anew)
        taken = monotonic() - start
        self._turns_s += sum(ms) / 1000
        if anew:
            self._opening_s += taken - sum(ms) / 1000
        return ms


def take_times(jobs: Sequence[Job], progress: Progress) -> list[Times | EdgesegError]:
    """The times of each job's artifact or model, or why there are none.

    In every round each has a turn, and so do the reference workloads, in an order that is drawn. Sampling of one ends
    as its job's `latency` says, and the rounds end with the last.
    """
    ticks = processor_ticks()
    with ExitStack() as stack:
        reference = stack.enter_context(open_reference())
        runners = [_Runner(stack.enter_context(Player(job)), job.latency) for job in jobs]
        for runner in runners:
            runner.open()
        for runner in runners:  # Only now, for what others do while they open would disturb it.
            runner.warm()
        drawn, number, steady = Random(0), 0, {name: list[float]() for name in WORKLOADS}
        while (done := min((runner.done for runner in runners), default=1.0)) < 1:
            progress("latency", int(100 * done), 100)
            tasks = [partial(runner.play, number) for runner in runners]
            one_round([*tasks, partial(_play_reference, reference, steady)], drawn)
            number += 1
        progress("latency", 100, 100)
    stolen = stolen_percent(ticks, processor_ticks())
    return [runner.error or runner.times(steady, stolen) for runner in runners]


def _play_reference(reference: Reference, steady: dict[str, list[float]]) -> None:
    for workload, medians in steady.items():
        medians.append(median(reference.turn(workload, REFERENCE_CALLS)))
