"""Artifacts measured in turns: each open in a process of its own, all but one of which wait at any time.

What slows the machine for longer than a turn slows them all, and their order is drawn in every round, so that none
profits from its place.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from edgeseg.core.errors import MeasureError
from edgeseg.core.protocols import Progress
from edgeseg.core.types import Facts
from edgeseg.pipeline.apart import Worker
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.silence import silent

__all__ = ["Player", "Reference", "open_players", "open_reference", "pinned_cores", "rounds"]

T = TypeVar("T")


@dataclass(frozen=True)
class Player:
    """An artifact that is open in a waiting process. What it raises names the artifact."""

    name: str
    facts: Facts
    runtime: str
    size_bytes: int | None
    worker: Worker

    def warm(self, stage: str) -> float:
        """Call until steady; the time of a call in ms."""
        return _ask(self.worker, {"stage": stage})[0]

    def turn(self, stage: str, calls: int, *, anew: bool = False) -> tuple[float, ...]:
        """The time in ms of each of so many calls, `anew` after opening the artifact again."""
        return _ask(self.worker, {"stage": stage, "calls": calls, "anew": anew})


@dataclass(frozen=True)
class Reference:
    """The reference workloads of `bench.reference`, in a waiting process."""

    worker: Worker

    def turn(self, workload: str, calls: int) -> tuple[float, ...]:
        """The time in ms of each of so many calls."""
        return _ask(self.worker, {"stage": workload, "calls": calls})


def _ask(worker: Worker, question: dict[str, Any]) -> tuple[float, ...]:
    worker.tell(question)
    return tuple(worker.hear()["ms"])


@contextmanager
def open_players(jobs: Sequence[Job], progress: Progress = silent) -> Iterator[tuple[Player, ...]]:
    """Open every job's artifact or model in a fresh process; all end with the context.

    Raises InputError and WorkError as opening and running them do, naming the artifact.
    """
    with ExitStack() as stack:
        workers = []
        for job in jobs:
            worker = stack.enter_context(Worker("turns", job.source.target, job.threads))
            worker.tell({"job": job.to_json(), "cores": pinned_cores(job.threads)})
            workers.append(worker)
        players = []
        for number, (job, worker) in enumerate(zip(jobs, workers, strict=True)):
            progress("open", number, len(jobs))
            answer = worker.hear(progress)
            facts = Facts.from_json(answer["facts"])
            name = Path(job.source.target).name
            players.append(Player(name, facts, answer["runtime"], answer["size_bytes"], worker))
        progress("open", len(jobs), len(jobs))
        yield tuple(players)


@contextmanager
def open_reference() -> Iterator[Reference]:
    """The reference workloads in a fresh process, which ends with the context."""
    with Worker("turns", "reference workload", 1) as worker:
        worker.tell({"job": None, "cores": pinned_cores(1)})
        worker.hear()
        yield Reference(worker)


def rounds(tasks: Sequence[Callable[[], T]], seed: int = 0) -> Iterator[tuple[T, ...]]:
    """Rounds without end: in each every task is done once, in an order drawn anew; its results are in the given one."""
    order, drawn = list(range(len(tasks))), random.Random(seed)
    while True:
        drawn.shuffle(order)
        found = {index: tasks[index]() for index in order}
        yield tuple(found[index] for index in range(len(tasks)))


def pinned_cores(threads: int) -> list[int]:
    """The cores that a process of so many threads is kept to: the last it may use; none where it needs them all.

    The first ones mostly serve the system's interrupts. Processes that take turns share theirs, so that a core that is
    slower than another slows all of them.
    """
    if threads < 1:
        raise MeasureError(f"{threads} threads: at least 1 is needed")
    if not hasattr(os, "sched_getaffinity"):
        return []
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[-threads:] if threads < len(allowed) else []
