"""What two measurements must have in common for their times to be compared."""

from __future__ import annotations

from collections.abc import Mapping

from edgeseg.core.errors import InputError
from edgeseg.core.record import Record
from edgeseg.core.types import Facts
from edgeseg.pipeline.job import Job

__all__ = ["refuse_unlike", "terms_of", "terms_of_record"]


def terms_of(job: Job, facts: Facts) -> Mapping[str, object]:
    """Of a job whose artifact has these facts."""
    return {
        "input size": facts.input.size,
        "batch": facts.input.batch,
        "head": facts.output.head,
        "device": job.device,
        "threads": job.threads,
    }


def terms_of_record(record: Record) -> Mapping[str, object]:
    """Of a stored measurement."""
    return {
        "input size": record.size,
        "batch": record.batch,
        "head": record.head,
        "device": record.device,
        "threads": record.threads,
    }


def refuse_unlike(baseline: Mapping[str, object], candidate: Mapping[str, object], name: str) -> None:
    """Raise InputError for the first term in which the candidate of that name differs."""
    for what, new in candidate.items():
        if new != baseline[what]:
            raise InputError(f"{name}: {what} {new}, but {baseline[what]} in the baseline; only like is compared")
