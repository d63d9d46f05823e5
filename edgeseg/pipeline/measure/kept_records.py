"""What `edgeseg bench` has measured so far."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from edgeseg.core.errors import InputError
from edgeseg.core.record import Record
from edgeseg.pipeline.answers import Answers
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.sources import is_file

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
        """Keep what was found; raises WorkError where the system refuses to write."""
        self.answers.put(_asked(job), record.to_json())


def _asked(job: Job) -> dict[str, Any]:
    """The job, and the file as it is now."""
    path = Path(job.source.target)
    file = sha256(path.read_bytes()).hexdigest() if is_file(job.source.target) and path.is_file() else None
    return {"job": job.to_json(), "sha256": file}
