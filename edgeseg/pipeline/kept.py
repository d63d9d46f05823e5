"""Measurements of a run that has not ended, on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from edgeseg.core.errors import InputError
from edgeseg.core.files import atomic_write
from edgeseg.core.record import Record
from edgeseg.core.source import Source
from edgeseg.core.types import SCHEMA
from edgeseg.pipeline.comparing import Comparison
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.making import Order
from edgeseg.pipeline.sources import as_artifact

__all__ = ["Kept"]


@dataclass(frozen=True)
class Kept:
    """One JSON file: what was asked, as text, to the files and Records that came of it."""

    path: Path

    def get(self, order: Order, job: Job) -> Comparison | None:
        """What came of this very question before; None where nothing did or a file is no longer as it was measured."""
        answer = self._read().get(_question(order, job))
        if answer is None:
            return None
        sources = tuple(map(Source, answer["files"]))
        records = tuple(map(Record.from_json, answer["records"]))
        unchanged = all(
            Path(source.target).is_file() and as_artifact(source).sha256 == record.sha256
            for source, record in zip(sources, records, strict=True)
        )
        return Comparison(sources, records) if unchanged else None

    def put(self, order: Order, job: Job, found: Comparison) -> None:
        """Keep what came of a question, unless something failed."""
        if not found.errors:
            files, records = [source.target for source in found.sources], [record.to_json() for record in found.records]
            answers = {**self._read(), _question(order, job): {"files": files, "records": records}}
            atomic_write(self.path, json.dumps({"schema": SCHEMA, "answers": answers}) + "\n")

    def remove(self) -> None:
        """Forget all, since the run is at its end."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        if not self.path.exists():
            return {}
        try:
            values = json.loads(self.path.read_text(encoding="utf-8"))
            answers: dict[str, Any] = values["answers"] if values["schema"] == SCHEMA else {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self.path}: cannot be read to go on from; delete it to begin anew") from error
        return answers


def _question(order: Order, job: Job) -> str:
    asked = {"order": order.to_json(), "job": job.to_json(), "edgeseg": metadata.version("edgeseg")}
    return json.dumps(asked, sort_keys=True)
