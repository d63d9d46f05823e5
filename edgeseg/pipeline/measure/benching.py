"""Artifacts to Records, each measured in fresh processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from edgeseg.bench.times.latency import LatencyOptions
from edgeseg.bench.times.remarks import remarks, round_medians
from edgeseg.core.errors import EdgesegError, InputError
from edgeseg.core.evaluation import Evaluation
from edgeseg.core.protocols import Progress
from edgeseg.core.record import Record
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact
from edgeseg.pipeline.apart import apart
from edgeseg.pipeline.completing import completed
from edgeseg.pipeline.elsewhere.devices import is_elsewhere, measure_elsewhere
from edgeseg.pipeline.images import DEFAULT_DATA, open_evaluation
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.kept_records import KeptRecords
from edgeseg.pipeline.measure.timing import Times, take_times
from edgeseg.pipeline.silence import silent
from edgeseg.pipeline.sources import check, given_path, is_file

__all__ = ["Titled", "bench", "examine_apart", "measure_each", "measure_together", "shown_name"]

Titled = Callable[[str], AbstractContextManager[Progress]]
"""Opens a progress display with a title."""

Given: TypeAlias = Artifact | Path | str | Source

_TOGETHER = 8
"""Artifacts that are open at a time, for the memory that they take."""


def bench(
    artifacts: Given | Iterable[Given],
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
    """Measure artifacts or models, each in processes of its own, the times of all in turns.

    Args:
        artifacts: Finished files, zoo names, the user's own models: whatever the command line takes; one or many.
        dataset: Text that names a dataset to measure mIoU on; None leaves accuracy out.
        device: What the runtime is asked to run on; or `ssh://...` or `android:PATH`, as the command line takes it.
        split: Split of the dataset; by default the one that it declares first.
        images: How many of its images; by default all.
        runtime: Name of a runtime; by default the one for each file's format.
        threads: Threads that the runtime may use.
        latency: When warm-up and sampling end.
        evaluation: Scales, flip and size that mIoU is measured with; by default the image as it is, at input size.
        progress: Told how far the measurement is.

    Raises:
        InputError: A file, model or dataset that cannot be used, or an Artifact whose file was replaced since.
        WorkError: A measurement failed or its process died.
    """
    if not isinstance(dataset, str | None):
        raise InputError(f"dataset of type {type(dataset).__name__}: give its name, such as folder:PATH")
    if not isinstance(device, str):
        raise InputError(f"device of type {type(device).__name__}: give its name, such as cpu")
    asked = latency or LatencyOptions(), evaluation or Evaluation()
    job = Job(Source(""), runtime, device, threads, dataset, split, images, *asked)
    if isinstance(artifacts, Given) or not isinstance(artifacts, Iterable):
        artifacts = [artifacts]
    sources = list(map(_source, artifacts))
    check(sources)
    records = []
    for found in measure_each(job, completed(sources), lambda title: nullcontext(progress)):
        if isinstance(found, EdgesegError):
            raise found
        records.append(found)
    return records


def _source(artifact: Given) -> Source:
    if isinstance(artifact, Source):
        return artifact
    return Source(str(given_path(artifact)))


def measure_each(
    job: Job, sources: Sequence[Source], progress: Titled, kept: KeptRecords | None = None
) -> list[Record | EdgesegError]:
    """Measure every source as `job` says, wherever its device is: for each, in order, a Record or why there is none.

    Files of one name go by as much of their paths as tells them apart. What is in `kept` is not measured again. Raises
    InputError for data without labels.
    """
    if is_elsewhere(job.device):
        with progress(f"{len(sources)} files") as show:
            return _told_apart(measure_elsewhere(job, sources, show), sources)
    if job.data:
        open_evaluation(job.data, job.split, None, job.images)
    return _told_apart(measure_together([replace(job, source=source) for source in sources], progress, kept), sources)


def _told_apart(found: Sequence[Record | EdgesegError], sources: Sequence[Source]) -> list[Record | EdgesegError]:
    paths = [Path(source.target).absolute() for source in sources]

    def name(path: Path) -> str:
        others = [other for other in paths if other.name == path.name and other != path]
        ends = (path.parts[-length:] for length in range(1, len(path.parts)))
        end = next((end for end in ends if all(other.parts[-len(end) :] != end for other in others)), path.parts)
        return str(Path(*end))

    return [
        replace(each, name=name(path)) if isinstance(each, Record) and is_file(source.target) else each
        for each, source, path in zip(found, sources, paths, strict=True)
    ]


def measure_together(
    jobs: Sequence[Job], progress: Titled, kept: KeptRecords | None = None
) -> list[Record | EdgesegError]:
    """Measure jobs, each in processes of its own, or say why one could not be.

    Memory and accuracy come one after the other, the times of all of them in the same rounds, at most `_TOGETHER` jobs
    at a time. What is in `kept` is not measured again, and what is found is added to it.
    """
    found: list[Record | EdgesegError] = []
    for start in range(0, len(jobs), _TOGETHER):
        found += _measured(jobs[start : start + _TOGETHER], progress, kept)
    return found


def _measured(jobs: Sequence[Job], progress: Titled, kept: KeptRecords | None) -> list[Record | EdgesegError]:
    found = [_examined(job, progress, kept) for job in jobs]
    waiting = {i: each for i, each in enumerate(found) if isinstance(each, Record) and not each.network_ms}
    if waiting:
        names = [shown_name(jobs[index].source) for index in waiting]
        with progress(names[0] if len(names) == 1 else f"{len(names)} in turns") as show:
            times = take_times([jobs[index] for index in waiting], show)
        for (index, record), taken in zip(waiting.items(), times, strict=True):
            found[index] = timed = _timed(record, taken)
            if kept and isinstance(timed, Record):
                kept.put(jobs[index], timed)
    return found


def _examined(job: Job, progress: Titled, kept: KeptRecords | None) -> Record | EdgesegError:
    known = kept.get(job) if kept else None
    if known:
        return known
    try:
        with progress(shown_name(job.source)) as show:
            record = examine_apart(job, show)
    except EdgesegError as error:
        return error
    if kept:
        kept.put(job, record)
    return record


def _timed(record: Record, taken: Times | EdgesegError) -> Record | EdgesegError:
    if isinstance(taken, EdgesegError):
        return taken
    rounds = round_medians(taken.network.ms, taken.network.rounds)
    found = remarks(rounds, taken.reference_ms, taken.stolen_percent, taken.waited_percent, is_steady=taken.is_steady)
    return replace(
        record,
        network_ms=tuple(taken.network.ms),
        network_rounds=tuple(taken.network.rounds),
        classmap_ms=tuple(taken.classmap.ms),
        classmap_rounds=tuple(taken.classmap.rounds),
        reference_ms={name: tuple(ms) for name, ms in taken.reference_ms.items()},
        energy_mj=taken.energy_mj,
        environment={
            **record.environment,
            "stolen_percent": taken.stolen_percent,
            "waited_percent": taken.waited_percent,
        },
        notes=(*record.notes, *found),
    )


def examine_apart(job: Job, progress: Progress = silent) -> Record:
    """All but the times, measured in a fresh process; raises what `pipeline.measure.measuring.measure` raised there."""
    return Record.from_json(apart("measure", job.source.target, job.to_json(), job.threads, progress))


def shown_name(source: Source) -> str:
    """A file by its name, without its folder; any other MODEL as it was typed."""
    return Path(source.target).name if is_file(source.target) else source.target
