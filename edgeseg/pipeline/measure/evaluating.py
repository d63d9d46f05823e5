"""The accuracy of an open session on a dataset."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.bench.accuracy.miou import evaluate
from edgeseg.core.errors import InputError, MeasureError
from edgeseg.core.evaluation import Evaluation
from edgeseg.core.protocols import Dataset, Progress, Session
from edgeseg.core.resize import resize_nearest
from edgeseg.core.types import Facts, Size
from edgeseg.data.preprocess import Preprocessor
from edgeseg.pipeline.images import UNMEASURED, open_evaluation, repeated
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.averaging import Averager, check_averageable

__all__ = ["accuracy", "labelled", "refuse_other_classes"]


def labelled(job: Job, facts: Facts) -> Dataset | None:
    """The images and labels that a job's accuracy is measured on, at the size that it takes them at.

    Raises InputError for data of another number of classes, and for a file that cannot be evaluated as asked.
    """
    if job.data is None:
        return None
    size = None if job.evaluation.takes_whole_images else facts.input.size
    dataset = open_evaluation(job.data, job.split, size, job.images)
    refuse_other_classes(dataset, job.data, facts.model, facts.classes)
    if job.evaluation.is_averaged:
        check_averageable(facts)
    return dataset


def refuse_other_classes(dataset: Dataset, data: str, name: str, classes: Sequence[str]) -> None:
    """Raise InputError for data, as it was typed, of another number or order of classes than a network's."""
    if len(dataset.classes) != len(classes):
        raise InputError(
            f"{data}: {len(dataset.classes)} classes, but {name} was made for {len(classes)}; give --data with its "
            f"classes, or {UNMEASURED}"
        )
    if sorted(dataset.classes) == sorted(classes) and tuple(dataset.classes) != tuple(classes):
        first = next(i for i, pair in enumerate(zip(dataset.classes, classes, strict=True)) if pair[0] != pair[1])
        raise InputError(
            f"{data}: its class {first} is {dataset.classes[first]}, and that of {name} is {classes[first]}; give "
            f"--data with the classes in the network's order, or {UNMEASURED}"
        )


def accuracy(
    session: Session,
    dataset: Dataset,
    prepare: Preprocessor,
    progress: Progress,
    evaluation: Evaluation | None = None,
) -> dict[str, Any]:
    """The fields of a Record that are about accuracy; MeasureError for scores that are NaN on the first image."""
    evaluation = evaluation or Evaluation()
    classmap, crc32, is_first = _classmap(session, prepare, evaluation), 0, True

    def seen(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        nonlocal crc32, is_first
        if is_first:
            _check_numbers(session, prepare(image))
            is_first = False
        crc32 = zlib.crc32(image.tobytes(), crc32)
        return classmap(image)

    matrix = evaluate(seen, dataset, len(dataset.classes), resize_label=resize_nearest, progress=progress)
    return {
        "dataset": dataset.name,
        "images": len(dataset),
        "miou_percent": matrix.miou_percent(),
        "class_iou_percent": dict(zip(dataset.classes, matrix.class_iou_percent(), strict=True)),
        "evaluation": evaluation,
        "image_counts": tuple(tuple(map(tuple, part.tolist())) for part in matrix.parts),
        "images_crc32": f"{crc32:08x}",
    }


def _check_numbers(session: Session, image: NDArray[Any]) -> None:
    """MeasureError for NaN, whose arg-max is a class like any other; infinity is a score. A class map tells neither."""
    facts = session.facts
    if facts.output.head != "classmap" and np.isnan(session(repeated(image, facts.input))).any():
        raise MeasureError(f"{facts.model}: its scores are no numbers (NaN) on the first image; look at its weights")


def _classmap(
    session: Session, prepare: Preprocessor, evaluation: Evaluation
) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    facts = session.facts
    averager = Averager(session, evaluation) if evaluation.is_averaged else None

    def classmap(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        size = facts.input.size if evaluation.at == "input" else Size(*image.shape[:2])
        if averager:
            return averager(image, size)
        first: NDArray[np.uint8] = session.classmap(repeated(prepare(image), facts.input), size)[0]
        return first

    return classmap
