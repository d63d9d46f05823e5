"""Artifacts measured in turns: each open in a process of its own, all but one of which wait at any time.

What slows the machine for longer than a turn slows them all, and their order is drawn in every round, so that none
profits from its place.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias, TypeVar, final

from edgeseg.bench.times.cores import allowed_cores, pinned_cores
from edgeseg.bench.times.latency import WarmUp, uncounted_calls
from edgeseg.core.facts import facts_from_json
from edgeseg.core.types import Facts
from edgeseg.pipeline.apart import Worker
from edgeseg.pipeline.job import Job

__all__ = ["Player", "Reference", "Stage", "one_round", "open_reference"]

Stage: TypeAlias = Literal["network", "classmap"]
"""What is timed: the network alone, or the way from a decoded image to its class map."""

T = TypeVar("T")


@final
class Player:
    """An artifact or model in a fresh process that waits while others have their turns, as a context.

    Every method raises InputError and WorkError as opening and running it do, naming it.
    """

    def __init__(self, job: Job) -> None:
        self.is_steady = True
        """Whether calls were so at the end of every warm-up."""
        self.energy_mj: list[float] = []
        """That of a run of the network, in every turn of it where the system tells."""
        self._waited_ns = self._turns_ns = 0
        self._told_waiting = job.threads <= len(allowed_cores())
        self.worker = Worker("turns", job.source.target, job.threads)
        self.worker.tell({"job": job.to_json(), "cores": pinned_cores(job.threads)})

    def opened(self) -> Facts:
        """Wait until it is open, which is to be called first, and once; what it is."""
        return facts_from_json(self.worker.hear())

    def warm(self, stage: Stage) -> float:
        """Call until steady, or until the time for it is over; the time of a call in ms."""
        found = WarmUp(**_ask(self.worker, {"stage": stage}))
        self.is_steady &= found.is_steady
        return found.call_ms

    def turn(self, stage: Stage, calls: int, *, anew: bool = False) -> tuple[float, ...]:
        """The time in ms of each of so many calls, `anew` after opening the artifact again."""
        found = _ask(self.worker, {"stage": stage, "calls": calls, "anew": anew})
        if stage == "network":
            self._count(found["waited"])
            if found["energy_mj"] is not None:
                self.energy_mj.append(found["energy_mj"] / (calls + uncounted_calls(calls)))
        return tuple(found["ms"])

    @property
    def waited_percent(self) -> float | None:
        """Of the time of the network's turns: how long its threads waited together for processors that others had.

        None where the kernel does not tell, or where there are more threads than cores.
        """
        return min(100.0, 100 * self._waited_ns / self._turns_ns) if self._turns_ns else None

    def _count(self, waited: Sequence[int] | None) -> None:
        if waited and self._told_waiting:
            self._waited_ns += waited[0]
            self._turns_ns += waited[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.worker.__exit__(kind, error, trace)


@dataclass(frozen=True)
class Reference:
    """The reference workloads of `bench.times.reference`, in a waiting process."""

    worker: Worker

    def turn(self, workload: str, calls: int) -> tuple[float, ...]:
        """The time in ms of each of so many calls."""
        return tuple(_ask(self.worker, {"stage": workload, "calls": calls})["ms"])


def _ask(worker: Worker, question: dict[str, Any]) -> dict[str, Any]:
    worker.tell(question)
    return worker.hear()


@contextmanager
def open_reference() -> Iterator[Reference]:
    """The reference workloads in a fresh process, which ends with the context."""
    with Worker("turns", "reference workload", 1) as worker:
        worker.tell({"job": None, "cores": pinned_cores(1)})
        worker.hear()
        yield Reference(worker)


def one_round(tasks: Sequence[Callable[[], T]], drawn: random.Random) -> tuple[T, ...]:
    """Do every task once, in an order that is drawn; the results are in the order given."""
    order = drawn.sample(range(len(tasks)), len(tasks))
    found = {index: tasks[index]() for index in order}
    return tuple(found[index] for index in range(len(tasks)))
