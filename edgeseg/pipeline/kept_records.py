"""What `edgeseg bench` has measured so far, on disk, so that the same command can go on after it ended early."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from edgeseg.core.errors import InputError
from edgeseg.core.files import atomic_write
from edgeseg.core.record import Record
from edgeseg.core.types import SCHEMA
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.sources import is_file

__all__ = ["KeptRecords"]


@dataclass(frozen=True)
class KeptRecords:
    """One JSON file of Records by what was asked; one whose times are still to be taken has none."""

    path: Path

    def get(self, job: Job) -> Record | None:
        """What was found for this very job and file; None where nothing was. InputError for a damaged file."""
        found = self._read().get(_question(job))
        return Record.from_json(found) if found else None

    def put(self, job: Job, record: Record) -> None:
        """Keep what was found; raises WorkError where the system refuses to write."""
        records = {**self._read(), _question(job): record.to_json()}
        atomic_write(self.path, json.dumps({"schema": SCHEMA, "records": records}) + "\n")

    def remove(self) -> None:
        """Forget all."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        if not self.path.exists():
            return {}
        try:
            values = json.loads(self.path.read_text(encoding="utf-8"))
            records: dict[str, Any] = values["records"] if values["schema"] == SCHEMA else {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self.path}: cannot be read to go on from; leave out --resume") from error
        return records


def _question(job: Job) -> str:
    """The job, and the file as it is now."""
    path = Path(job.source.target)
    file = sha256(path.read_bytes()).hexdigest() if is_file(job.source.target) and path.is_file() else None
    asked = {"job": job.to_json(), "sha256": file, "edgeseg": metadata.version("edgeseg")}
    return sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
