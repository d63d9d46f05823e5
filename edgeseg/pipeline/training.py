"""Model and dataset to weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeseg import data, models, runtimes
from edgeseg.bench.accuracy.miou import evaluate
from edgeseg.core import registry
from edgeseg.core.errors import InputError
from edgeseg.core.parts import sha256_of
from edgeseg.core.protocols import Dataset, Progress
from edgeseg.core.resize import resize_nearest
from edgeseg.core.source import Source
from edgeseg.core.types import Model, Size
from edgeseg.data.preprocess import Preprocessor
from edgeseg.data.stamp import stamp
from edgeseg.models.adapters import adapter
from edgeseg.pipeline import workspace
from edgeseg.pipeline.images import DEFAULT_DATA
from edgeseg.pipeline.made_of import digest
from edgeseg.pipeline.silence import silent
from edgeseg.train.loop import train as fit
from edgeseg.train.options import TrainOptions, TrainResult

__all__ = ["train"]


def train(
    model: Any,
    dataset: Dataset | str = DEFAULT_DATA,
    options: TrainOptions | None = None,
    path: Path | str | None = None,
    *,
    weights: str = "random",
    backbone: str | Path | None = None,
    classes: int | None = None,
    size: Size | str | None = None,
    images: int | None = None,
    validation: Dataset | str | None = None,
    folder: Path | str = workspace.DEFAULT,
    progress: Progress = silent,
) -> tuple[Path, TrainResult]:
    """Train a network and write its weights.

    Args:
        model: What `edgeseg.models.load` takes; or an `nn.Module`, a `keras.Model` or a `core.types.Model`, which is
            trained in place.
        dataset: A Dataset, or the text that names one, whose `train` split is used.
        options: See `TrainOptions`.
        path: Weights file (.safetensors); by default in `folder`. The checkpoint that an interrupted run goes on from
            lies beside it.
        weights: What a network given by name starts from: `random`, or a file.
        backbone: A file of torchvision's ImageNet weights, which the backbone of a network given by name starts from.
        classes: Class count of a network given by name.
        size: Size of the images that it is trained on crops of, and that it is validated at; by default its own.
        images: How many training images, where `dataset` is text; by default all.
        validation: Dataset to state the mIoU on; by default the first split of `dataset`, and none where `dataset` is
            an object.
        folder: Workspace, where no `path` is given.
        progress: Told the step and the loss.

    Raises:
        InputError: Options or data that cannot be used.
        TrainError: The loss became no number, or the run was interrupted.
    """
    weights_file = registry.load("edgeseg.models", "weights", extra="torch", why="reading and writing weights")
    chosen, size = options or TrainOptions(), Size.of(size)
    if isinstance(model, str):
        learner = models.load(model, classes=classes, weights=weights, size=chosen.crop, backbone=backbone)
        size = size or _own_size(learner)
    else:
        learner = models.as_model(model, classes=classes, size=size)
    if learner.float32_copy:
        from edgeseg.models.keras_float32 import FLOAT32

        raise InputError(f"{learner.name} computes in half floats, which edgeseg does not train in; {FLOAT32}")
    target = Path(path or Path(folder) / f"{workspace.file_name(learner.name)}_weights.safetensors")
    labelled = (
        data.open_dataset(dataset, split="train", size=size, limit=images) if isinstance(dataset, str) else dataset
    )
    starts = learner.weights_sha256 or "random weights"
    given = {
        "start": f"{starts} and {sha256_of([Path(backbone)])}" if backbone else starts,
        "code": digest(Source(model)) if isinstance(model, str) else "",
        "data": f"{stamp(labelled)} at {size}",
    }
    if validation is None and isinstance(dataset, str):
        validation = dataset
    measured = None if validation is None else _opened(validation, size or learner.size, learner)
    result = fit(learner, labelled, chosen, target.with_suffix(".checkpoint.npz"), progress, given)
    weights_file.save(learner.network, target)
    if measured is None:
        return target, result
    if isinstance(model, str):
        learner = models.load(model, classes=classes, weights=target, size=size)
    seen = len(set(getattr(labelled, "files", ())) & set(getattr(measured, "files", ()))) > 0
    on = f"{len(measured)} images of {measured.name}{', which it was trained on' if seen else ''}"
    return target, replace(result, miou_percent=_miou_percent(learner, measured, progress), measured_on=on)


def _opened(validation: Dataset | str, size: Size, learner: Model) -> Dataset:
    """Looked at before long work; InputError for data of other classes."""
    opened = data.open_dataset(validation, size=size) if isinstance(validation, str) else validation
    if len(opened.classes) != len(learner.classes):
        raise InputError(
            f"{opened.name}: {len(opened.classes)} classes to validate on, but {learner.name} has "
            f"{len(learner.classes)}; give data of its classes"
        )
    return opened


def _own_size(model: Model) -> Size:
    """Of a network that was built for a crop's size: its card's, or the one that it takes where none is asked for."""
    if model.card is not None:
        return model.card.size
    size: Size = adapter(model.framework).describe(model.network, None)[2]
    return size


def _miou_percent(model: Model, validation: Dataset, progress: Progress) -> float | None:
    with runtimes.open_session(model) as session:
        prepare = Preprocessor(session.facts.input)
        matrix = evaluate(
            lambda image: session.classmap(prepare(image))[0],
            validation,
            len(validation.classes),
            resize_label=resize_nearest,
            progress=progress,
        )
    return matrix.miou_percent()
