"""Many models the whole way: each in every format, float and int8, made and measured.

What is finished is kept in `unfinished.json` until everything is, so that the same command goes on where it was
interrupted and tries again what failed, whatever other commands did in the same folder meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from edgeseg import models, runtimes
from edgeseg.bench.comparison.failure import Failure
from edgeseg.core.container import file_format
from edgeseg.core.errors import EdgesegError, InputError, MissingDependency
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact, Format, Precision
from edgeseg.pipeline.answers import Answers
from edgeseg.pipeline.apart import apart
from edgeseg.pipeline.elsewhere.devices import check_elsewhere, is_elsewhere
from edgeseg.pipeline.images import open_evaluation
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.benching import Titled, shown_name
from edgeseg.pipeline.measure.comparing import Comparison, measure_all
from edgeseg.pipeline.runs.kept import Kept
from edgeseg.pipeline.runs.making import Order
from edgeseg.pipeline.sources import as_artifact, check, check_apart, is_file

__all__ = ["Matrix", "run_matrix"]

Told = Callable[[Artifact, str], None]
"""Learns of every file that was made; the text sums up what is int8 in one that was quantized."""


@dataclass(frozen=True)
class Matrix:
    """Models and formats; `order` and `job` say how each is made and measured, whatever their own source."""

    sources: tuple[Source, ...]
    formats: tuple[Format, ...]
    order: Order
    job: Job

    def pairs(self) -> Iterator[tuple[Order, Job]]:
        """A float file and its int8 form each. Zoo networks of random weights are measured without accuracy."""
        for source in self.sources:
            job = self.job if _is_trained(source) else replace(self.job, data=None)
            for target in self.formats:
                if not is_file(source.target) or file_format(Path(source.target)) == target:
                    yield replace(self.order, source=source, format=target, labelled=job.data is not None), job


def run_matrix(matrix: Matrix, progress: Titled, told: Told) -> Comparison:
    """Make and measure one pair after the other; what fails becomes a Failure and the others go on.

    Raises InputError for a source that is nothing, a device that is none, and for data without labels.
    """
    check(matrix.sources)
    check_apart(matrix.sources)
    for source in matrix.sources:
        if is_file(source.target) and file_format(Path(source.target)) not in matrix.formats:
            raise InputError(f"{source.target}: is not of the format asked for, {matrix.formats[0]}; leave --to out")
    pairs, result = list(matrix.pairs()), Comparison()
    _check_device(matrix.job.device, sorted({order.format for order, _ in pairs}))
    if matrix.job.data:
        open_evaluation(matrix.job.data, matrix.job.split, None, matrix.job.images)
    kept = Kept(Answers(Path(matrix.order.folder) / "unfinished.json"))
    for number, (order, job) in enumerate(pairs, 1):
        found = kept.get(order, job)
        if found is None:
            found = _run_pair(order, job, f"{number}/{len(pairs)} {order.source.target}", progress, told)
            if job != matrix.job:
                found = found.noted("random weights, so mIoU was not measured; give --weights")
            kept.put(order, job, found)
        result += found
    if not result.errors:
        kept.forget(pairs)
    return result


def _check_device(device: str, formats: Collection[Format]) -> None:
    if is_elsewhere(device):
        check_elsewhere(device, formats)
        return
    for name in map(runtimes.for_format, formats):
        with suppress(MissingDependency):  # Which is told where it is needed, and stops no other format.
            runtimes.check_device(device, name)


def _run_pair(order: Order, job: Job, title: str, progress: Titled, told: Told) -> Comparison:
    target, failed, files = order.source.target, Comparison(), []
    try:
        if not is_file(target):
            with progress(f"{title} to {order.format}") as show:
                target = apart("export", target, order.to_json(), job.threads, show)["path"]
            told(as_artifact(Source(target)), "")
            order = replace(order, source=Source(target))
        files.append(order.source)
    except EdgesegError as error:
        return _failed(order, "fp32", error) + _failed(order, "int8", error)
    try:
        with progress(f"{title} to int8 {order.format}") as show:
            made = apart("quantize", Path(target).name, order.to_json(), job.threads, show)
        told(as_artifact(Source(made["path"])), made["summary"])
        files.append(Source(made["path"]))
    except EdgesegError as error:
        failed = _failed(order, "int8", error)
    return _measured(job, files, progress) + failed


def _measured(job: Job, files: Sequence[Source], progress: Titled) -> Comparison:
    """A device elsewhere may fail for all of them at once."""
    try:
        return measure_all(job, files, progress)
    except EdgesegError as error:
        failures = tuple(Failure.of(shown_name(file), error) for file in files)
        return Comparison(failures=failures, errors=(error,) * len(failures))


def _failed(order: Order, precision: Precision, error: EdgesegError) -> Comparison:
    name = Path(order.source.target).name
    return Comparison(failures=(Failure(f"{name} {order.format} {precision}", str(error)),), errors=(error,))


def _is_trained(source: Source) -> bool:
    if source.target not in models.names():
        return True
    return models.has_weights(source.target, source.classes, source.weights)
