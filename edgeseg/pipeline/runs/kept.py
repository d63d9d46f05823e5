"""Measurements of a run that has not ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edgeseg.bench.times.environment import setting
from edgeseg.core.errors import InputError
from edgeseg.core.json_values import text
from edgeseg.core.record import Record
from edgeseg.core.source import Source
from edgeseg.pipeline.answers import Answers
from edgeseg.pipeline.images import calibration_stamp, evaluation_stamp
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.made_of import digest
from edgeseg.pipeline.measure.comparing import Comparison
from edgeseg.pipeline.runs.making import Order

__all__ = ["Kept"]


@dataclass(frozen=True)
class Kept:
    """What was asked, to the files and Records that came of it."""

    answers: Answers

    def get(self, order: Order, job: Job) -> Comparison | None:
        """What came of this very question before; None where nothing did or a file is no longer as it was measured."""
        answer = self.answers.get(_asked(order, job))
        if answer is None:
            return None
        try:
            sources = tuple(_source(text(file), order) for file in answer["files"])
            records = tuple(map(Record.from_json, answer["records"]))
        except (InputError, KeyError, TypeError, ValueError) as error:
            raise self.answers.damaged() from error
        digests = [digest(Source(source.target)) for source in sources]
        unchanged = digests == [record.sha256 for record in records]
        return Comparison(sources, records) if unchanged else None

    def put(self, order: Order, job: Job, found: Comparison) -> None:
        """Keep what came of a question, unless something failed."""
        if not found.errors:
            files, records = [source.target for source in found.sources], [record.to_json() for record in found.records]
            self.answers.put(_asked(order, job), {"files": files, "records": records})

    def forget(self, pairs: Iterable[tuple[Order, Job]]) -> None:
        """What came of these, whatever their files were then.

        Raises InputError or WorkError where the system refuses.
        """
        self.answers.forget({"order": order.to_json(), "job": job.to_json()} for order, job in pairs)


def _source(file: str, order: Order) -> Source:
    """With what the user says of the file that she gave; one that was made says all itself."""
    return order.source if file == order.source.target else Source(file)


def _asked(order: Order, job: Job) -> dict[str, Any]:
    return {
        "order": order.to_json(),
        "job": job.to_json(),
        "sha256": digest(order.source),
        "calibration": calibration_stamp(order.data, None, order.samples),
        "data": evaluation_stamp(job.data, job.split, job.images),
        "on": setting(job.threads),
    }
