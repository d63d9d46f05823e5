"""What `edgeseg bench` has measured so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edgeseg.bench.times.environment import setting
from edgeseg.core.errors import InputError
from edgeseg.core.record import Record
from edgeseg.pipeline.answers import Answers
from edgeseg.pipeline.images import evaluation_stamp
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.made_of import digest

__all__ = ["KeptRecords"]


@dataclass(frozen=True)
class KeptRecords:
    """Records by what was asked; one whose times are still to be taken has none."""

    answers: Answers

    def get(self, job: Job) -> Record | None:
        """What was found for this very job and file; None where nothing was. InputError for a damaged file."""
        found = self.answers.get(_asked(job))
        try:
            return Record.from_json(found) if found else None
        except InputError as error:
            raise self.answers.damaged() from error

    def put(self, job: Job, record: Record) -> None:
        """Keep what was found, unless the file is another by now; WorkError where the system refuses to write."""
        asked = _asked(job)
        if record.sha256 in (None, asked["sha256"]):
            self.answers.put(asked, record.to_json())

    def forget(self, jobs: Iterable[Job]) -> None:
        """What was found for these, whatever their files were then.

        Raises InputError or WorkError where the system refuses.
        """
        self.answers.forget({"job": job.to_json()} for job in jobs)


def _asked(job: Job) -> dict[str, Any]:
    """The job, and its model, its data and what it runs on as they are now."""
    return {
        "job": job.to_json(),
        "sha256": digest(job.source),
        "data": evaluation_stamp(job.data, job.split, job.images),
        "on": setting(job.threads),
    }
