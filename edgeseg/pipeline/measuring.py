"""One measurement, made in the process that runs this."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgeseg import data, runtimes
from edgeseg.bench.environment import environment
from edgeseg.bench.latency import sample_ms
from edgeseg.bench.memory import peak_rss_mib
from edgeseg.bench.miou import evaluate
from edgeseg.core.errors import InputError, MeasureError, MissingDependency
from edgeseg.core.protocols import Dataset, Progress, Session
from edgeseg.core.record import Record
from edgeseg.core.types import Artifact, Facts, Model
from edgeseg.data.preprocess import Preprocessor, resize_label
from edgeseg.pipeline.counting import counted
from edgeseg.pipeline.fitting import misfit
from edgeseg.pipeline.images import DEFAULT_DATA, open_evaluation
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.sources import resolve

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["accuracy", "measure"]


def measure(job: Job, progress: Progress) -> Record:
    """Latency, then peak memory, then accuracy of one artifact or model.

    Raises InputError where the job cannot be done as asked, MeasureError where it fails.
    """
    subject = resolve(job.source)
    runtime = job.runtime or runtimes.for_format(
        subject.facts.format if isinstance(subject, Artifact) else subject.framework
    )
    with runtimes.open_session(subject, threads=job.threads, runtime=runtime, device=job.device) as session:
        facts = session.facts
        dataset = _dataset(job, facts)
        prepare = Preprocessor(facts.input)
        image, _ = (dataset or data.open_dataset(DEFAULT_DATA, size=facts.input.size, limit=1))[0]
        batch = _batch(prepare(image), facts)
        network_ms = sample_ms(lambda: session.run(batch), job.latency, progress)
        classmap_ms = sample_ms(lambda: session.classmap(_batch(prepare(image), facts)), job.latency, progress)
        peak = peak_rss_mib()
        figures = accuracy(session, dataset, prepare, progress) if dataset else {}
    facts = _counted(subject, facts)
    unfit = misfit(subject) if isinstance(subject, Artifact) and job.device == "cpu" else None
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
        network_ms=network_ms,
        classmap_ms=classmap_ms,
        sha256=subject.sha256 if isinstance(subject, Artifact) else None,
        parent_sha256=facts.parent_sha256,
        params=facts.params,
        madds=facts.madds,
        size_bytes=subject.size_bytes if isinstance(subject, Artifact) else None,
        peak_rss_mib=peak,
        environment=environment(job.threads),
        notes=(*facts.notes, *([f"warning: {unfit}"] if unfit else [])),
        **figures,
    )


def _batch(one: NDArray[Any], facts: Facts) -> NDArray[Any]:
    return one.repeat(facts.input.batch, axis=0) if facts.input.batch > 1 else one


def _dataset(job: Job, facts: Facts) -> Dataset | None:
    if job.data is None:
        return None
    dataset = open_evaluation(job.data, job.split, facts.input.size, job.images)
    if len(dataset.classes) != len(facts.classes):
        raise InputError(
            f"{job.data}: {len(dataset.classes)} classes, but {facts.model} was made for {len(facts.classes)}; "
            "measure on a dataset with its classes, or pass --no-accuracy"
        )
    return dataset


def accuracy(session: Session, dataset: Dataset, prepare: Preprocessor, progress: Progress) -> dict[str, Any]:
    """The fields of a Record that are about accuracy."""
    facts = session.facts

    def classmap(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        first: NDArray[np.uint8] = session.classmap(_batch(prepare(image), facts))[0]
        return first

    matrix = evaluate(classmap, dataset, len(dataset.classes), resize_label=resize_label, progress=progress)
    return {
        "dataset": dataset.name,
        "images": len(dataset),
        "miou_percent": matrix.miou_percent(),
        "class_iou_percent": dict(zip(dataset.classes, matrix.class_iou_percent(), strict=True)),
        "image_counts": tuple(tuple(map(tuple, part.tolist())) for part in matrix.parts),
    }


def _counted(subject: Artifact | Model, facts: Facts) -> Facts:
    """The facts with parameters and MAdds, or a note why one is missing."""
    if isinstance(subject, Model):
        return replace(facts, notes=(*facts.notes, "MAdds are counted on exported files"))
    try:
        return counted(facts, subject.path)
    except (MissingDependency, MeasureError) as reason:
        return replace(facts, notes=(*facts.notes, f"MAdds or parameters not counted: {reason}"))
