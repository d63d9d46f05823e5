"""What a process does that takes turns with others: it holds one artifact open and times calls when it is asked to."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeseg import data, runtimes
from edgeseg.bench.times.contest import SETTLE_S
from edgeseg.bench.times.energy import Counter, counters, spent_mj
from edgeseg.bench.times.latency import LatencyOptions, burst_ms, warm_up
from edgeseg.bench.times.reference import WORKLOADS
from edgeseg.bench.times.waiting import Waited
from edgeseg.core.protocols import Session
from edgeseg.core.types import InputFacts
from edgeseg.data.preprocess import Preprocessor
from edgeseg.pipeline.images import DEFAULT_DATA, repeated
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.sources import resolve, runtime_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["play"]

_FRESH_CALLS = 2
"""Of a session just opened again, before any that is timed."""


def play(questions: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Answer questions until there are no more.

    The first is what to hold open, `job`, and where to run, `cores`; without a job it is the reference workloads. Its
    answer is the artifact's facts. Each of the others names a `stage`: `network`, `classmap` or a workload. With
    `calls` its answer is the time of each of so many, `ms`, first opening the artifact again where `anew` is true, how
    long they `waited`, as `bench.times.waiting.Waited.since` has it, and what energy all took, `energy_mj`; without, it
    is what came of warming up, as `bench.times.latency.WarmUp` has it.
    """
    opening, energy = next(questions), counters()
    if opening["cores"]:
        os.sched_setaffinity(0, opening["cores"])
    job = Job.from_json(opening["job"]) if opening["job"] else None
    held = _Held(job) if job else None
    yield held.facts.to_json() if held else {}
    stages = held.stages if held else WORKLOADS
    gc.collect()
    gc.disable()  # A collection would fall into one sample and not into another.
    for question in questions:
        call = stages[question["stage"]]
        if held and question.get("anew"):
            held.open_anew()
        if calls := question.get("calls"):
            answer = _timed(call, calls, energy)
        else:
            call()  # The first makes what all of them need.
            answer = asdict(warm_up(call, job.latency if job else LatencyOptions()))
        if job and job.threads > 1:
            time.sleep(SETTLE_S)
        yield answer


def _timed(call: Callable[[], object], calls: int, energy: tuple[Counter, ...]) -> dict[str, Any]:
    waited, before = Waited.now(), [counter.read() for counter in energy]
    ms = burst_ms(call, calls)
    spent = spent_mj(energy, before, [counter.read() for counter in energy])
    return {"ms": ms, "waited": Waited.now().since(waited), "energy_mj": spent}


class _Held:
    """An artifact or model that is open. The network alone runs on noise, which takes no time to make, and the way to a
    class map on an image, whose content it depends on.
    """

    def __init__(self, job: Job) -> None:
        self._subject = resolve(job.source)
        self._runtime = job.runtime or runtime_of(self._subject)
        self._job = job
        self._session = self._opened()
        self.facts = self._session.facts
        self._prepare = Preprocessor(self.facts.input)
        self._noise = _noise(self.facts.input)
        self._network = self._session.holding(self._noise)
        self.stages: Mapping[str, Callable[[], object]] = {
            "network": lambda: self._network(),
            "classmap": lambda: self._session.classmap(repeated(self._prepare(self._image), self.facts.input)),
        }

    @cached_property
    def _image(self) -> NDArray[np.uint8]:
        return data.open_dataset(DEFAULT_DATA, size=self.facts.input.size, limit=1)[0][0]

    def open_anew(self) -> None:
        """In other memory, which alone can make a network faster or slower by a percent for as long as it is open."""
        del self._network
        self._session.close()
        self._session = self._opened()
        self._network = self._session.holding(self._noise.copy())
        for _ in range(_FRESH_CALLS):
            self._network()

    def _opened(self) -> Session:
        job = self._job
        return runtimes.open_session(self._subject, threads=job.threads, runtime=self._runtime, device=job.device)


def _noise(facts: InputFacts) -> NDArray[Any]:
    """Random pixels, as the input takes them."""
    draw = np.random.default_rng(0)
    if facts.dtype == "float32":
        return draw.standard_normal(facts.shape, np.float32)
    limits = np.iinfo(facts.dtype)
    return draw.integers(limits.min, limits.max, facts.shape, facts.dtype, endpoint=True)
