"""What `edgeseg gate` has found so far."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from edgeseg.bench.gates.gate import Check, GateOptions, Measured, Timing
from edgeseg.bench.gates.sequential import Interval
from edgeseg.bench.times.environment import setting
from edgeseg.core.errors import InputError
from edgeseg.core.parts import parts, sha256_of
from edgeseg.core.record import Record
from edgeseg.pipeline.answers import Answers
from edgeseg.pipeline.gates.pairing import Pair
from edgeseg.pipeline.images import evaluation_stamp
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.benching import examine_apart
from edgeseg.pipeline.measure.kept_records import KeptRecords

__all__ = ["KeptPairs"]


@dataclass(frozen=True)
class KeptPairs:
    """Pairs that are through, and Records of the files of one that is not."""

    answers: Answers
    _asked: list[dict[str, Any]] = field(default_factory=list, init=False)

    def measured(
        self, pair: Pair, options: GateOptions, job: Job, pairs: int, measure: Callable[[], Measured]
    ) -> Measured:
        """What is kept of this very pair, or is measured now and then kept, unless it failed.

        Raises InputError for a damaged file, WorkError where the system refuses to write.
        """
        try:
            asked = _asked(pair, options, job, pairs)
        except (OSError, InputError):
            return measure()  # It says why a file cannot be read.
        self._asked.append(asked)
        if (found := self.answers.get(asked)) is not None:
            try:
                return _measured(found)
            except (KeyError, TypeError) as error:
                raise self.answers.damaged() from error
        measured = measure()
        if measured.failure is None:
            self.answers.put(asked, asdict(measured))
        return measured

    def examined(self, job: Job) -> Record:
        """The Record of a file but for its times, as it is kept, or made and then kept."""
        kept = KeptRecords(self.answers)
        self._asked.append({"job": job.to_json()})
        if (record := kept.get(job)) is None:
            record = examine_apart(job)
            kept.put(job, record)
        return record

    def forget(self) -> None:
        """What was asked here; raises InputError or WorkError where the system refuses."""
        self.answers.forget(self._asked)


def _asked(pair: Pair, options: GateOptions, job: Job, pairs: int) -> dict[str, Any]:
    return {
        "pair": pair.name,
        "files": [_digest(pair.baseline), _digest(pair.candidate)],
        "gate": asdict(options),
        "job": job.to_json(),
        "data": evaluation_stamp(job.data, job.split, job.images),
        "pairs": pairs,
        "on": setting(job.threads),
    }


def _digest(of: Path | Record | None) -> str:
    if isinstance(of, Record):
        return sha256(json.dumps(of.to_json()).encode()).hexdigest()
    return sha256_of(parts(of)) if of else ""


def _measured(values: dict[str, Any]) -> Measured:
    timing = {**values["timing"], "interval": Interval(**values["timing"]["interval"])}
    return Measured(values["name"], Timing(**timing), tuple(Check(**check) for check in values["checks"]))
