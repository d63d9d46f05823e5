"""One measurement, made in the process that runs this."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from edgeseg import runtimes
from edgeseg.bench.times.environment import crowding, environment
from edgeseg.bench.times.memory import peak_rss_mib
from edgeseg.core.protocols import Progress
from edgeseg.core.record import Record
from edgeseg.core.types import Artifact, Facts, Model
from edgeseg.data.preprocess import Preprocessor
from edgeseg.pipeline.files.counting import recounted
from edgeseg.pipeline.fitting import misfit
from edgeseg.pipeline.images import repeated
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.evaluating import accuracy, labelled
from edgeseg.pipeline.sources import resolve, runtime_of

__all__ = ["measure"]

_CALLS = 3
"""After which no runtime of those here takes more memory."""


def measure(job: Job, progress: Progress) -> Record:
    """Peak memory, then accuracy of one artifact or model; its times are taken elsewhere, in turns with others.

    Raises InputError where the job cannot be done as asked, MeasureError where it fails.
    """
    subject = resolve(job.source)
    runtime = job.runtime or runtime_of(subject)
    with runtimes.open_session(subject, threads=job.threads, runtime=runtime, device=job.device) as session:
        facts = session.facts
        prepare, size = Preprocessor(facts.input), facts.input.size
        noise = np.random.default_rng(0).integers(256, size=(size.height, size.width, 3), dtype=np.uint8)
        for _ in range(_CALLS):
            session.classmap(repeated(prepare(noise), facts.input))
        peak = peak_rss_mib()  # Before there is a dataset, for what one takes is no part of the network's.
        dataset = labelled(job, facts)
        figures = accuracy(session, dataset, prepare, progress, job.evaluation) if dataset else {}
    facts = _counted(subject, facts)
    return Record(
        name=subject.path.name if isinstance(subject, Artifact) else subject.name,
        model=facts.model,
        format=facts.format,
        precision=facts.precision,
        head=facts.output.head,
        size=facts.input.size,
        batch=facts.input.batch,
        runtime=runtime,
        device=job.device,
        threads=job.threads,
        network_ms=(),
        classmap_ms=(),
        sha256=subject.sha256 if isinstance(subject, Artifact) else None,
        parent_sha256=facts.parent_sha256,
        params=facts.params,
        madds=facts.madds,
        size_bytes=subject.size_bytes if isinstance(subject, Artifact) else None,
        peak_rss_mib=peak,
        environment=environment(job.threads),
        notes=(*facts.notes, *(_of_the_processor(subject, job.threads) if job.device == "cpu" else ())),
        **figures,
    )


def _of_the_processor(subject: Artifact | Model, threads: int) -> Iterator[str]:
    if isinstance(subject, Artifact) and (unfit := misfit(subject)):
        yield f"warning: {unfit}"
    if crowded := crowding(threads):
        yield crowded


def _counted(subject: Artifact | Model, facts: Facts) -> Facts:
    """The facts with parameters and MAdds, or a note why one is missing."""
    if isinstance(subject, Model):
        return replace(facts, notes=(*facts.notes, "MAdds are counted on exported files"))
    return recounted(facts, subject)
