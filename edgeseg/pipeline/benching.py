"""Artifacts to Records, each measured in a fresh process."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from edgeseg.bench.latency import LatencyOptions
from edgeseg.core.evaluation import Evaluation
from edgeseg.core.protocols import Progress
from edgeseg.core.record import Record
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact
from edgeseg.pipeline.apart import apart
from edgeseg.pipeline.images import DEFAULT_DATA
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.silence import silent

__all__ = ["bench", "measure_apart"]


def bench(
    artifacts: Iterable[Artifact | Path | str | Source],
    dataset: str | None = DEFAULT_DATA,
    device: str = "cpu",
    *,
    split: str | None = None,
    images: int | None = None,
    runtime: str | None = None,
    threads: int = 2,
    latency: LatencyOptions | None = None,
    evaluation: Evaluation | None = None,
    progress: Progress = silent,
) -> list[Record]:
    """Measure artifacts or models one after the other, each in a process of its own.

    Args:
        artifacts: Finished files, zoo names, the user's own models: whatever the command line takes.
        dataset: Text that names a dataset to measure mIoU on; None leaves accuracy out.
        device: What the runtime is asked to run on.
        split: Split of the dataset; by default the one that it declares first.
        images: How many of its images; by default all.
        runtime: Name of a runtime; by default the one for each file's format.
        threads: Threads that the runtime may use.
        latency: When warm-up and sampling end.
        evaluation: Scales, flip and size that mIoU is measured with; by default the image as it is, at input size.
        progress: Told how far the measurement is.

    Raises:
        InputError: A file, model or dataset that cannot be used.
        WorkError: A measurement failed or its process died.
    """
    asked = latency or LatencyOptions(), evaluation or Evaluation()
    job = Job(Source(""), runtime, device, threads, dataset, split, images, *asked)
    return [measure_apart(replace(job, source=_source(artifact)), progress) for artifact in artifacts]


def _source(artifact: Artifact | Path | str | Source) -> Source:
    if isinstance(artifact, Source):
        return artifact
    return Source(str(artifact.path if isinstance(artifact, Artifact) else artifact))


def measure_apart(job: Job, progress: Progress = silent) -> Record:
    """Measure in a fresh process; raises what `pipeline.measuring.measure` raised there."""
    return Record.from_json(apart("measure", job.source.target, job.to_json(), job.threads, progress))
