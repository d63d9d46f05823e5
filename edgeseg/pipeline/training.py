"""Model and dataset to weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgeseg import data, models, runtimes
from edgeseg.bench.accuracy.miou import evaluate
from edgeseg.core import registry
from edgeseg.core.parts import sha256_of
from edgeseg.core.protocols import Dataset, Progress
from edgeseg.core.types import Model, Size
from edgeseg.data.preprocess import Preprocessor, resize_label
from edgeseg.data.stamp import stamp
from edgeseg.pipeline import workspace
from edgeseg.pipeline.images import DEFAULT_DATA
from edgeseg.pipeline.silence import silent
from edgeseg.train.loop import train as fit
from edgeseg.train.options import TrainOptions, TrainResult

__all__ = ["train"]


def train(
    model: str | Model,
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
        model: What `edgeseg.models.load` takes; or a `core.types.Model`, which is trained in place.
        dataset: A Dataset, or the text that names one, whose `train` split is used.
        options: See `TrainOptions`.
        path: Weights file (.safetensors); by default in `folder`. The checkpoint that an interrupted run goes on from
            lies beside it.
        weights: What a network given by name starts from: `random`, or a file.
        backbone: A file of torchvision's ImageNet weights, which the backbone of a network given by name starts from.
        classes: Class count of a network given by name.
        size: Size that the network is validated at; by default its own.
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
        size = size or (learner.card.size if learner.card else None)
    else:
        learner = model
    target = Path(path or Path(folder) / f"{workspace.file_name(learner.name)}_weights.safetensors")
    labelled = (
        data.open_dataset(dataset, split="train", size=size, limit=images) if isinstance(dataset, str) else dataset
    )
    starts = learner.weights_sha256 or "random weights"
    given = {"start": f"{starts} and {sha256_of([Path(backbone)])}" if backbone else starts, "data": stamp(labelled)}
    result = fit(learner, labelled, chosen, target.with_suffix(".checkpoint.npz"), progress, given)
    weights_file.save(learner.network, target)
    if validation is None and isinstance(dataset, str):
        validation = dataset
    if validation is None:
        return target, result
    if isinstance(model, str):
        learner = models.load(model, classes=classes, weights=target, size=size)
    return target, replace(result, miou_percent=_miou_percent(learner, validation, progress))


def _miou_percent(model: Model, validation: Dataset | str, progress: Progress) -> float | None:
    with runtimes.open_session(model) as session:
        facts = session.facts.input
        dataset = data.open_dataset(validation, size=facts.size) if isinstance(validation, str) else validation
        prepare = Preprocessor(facts)
        matrix = evaluate(
            lambda image: session.classmap(prepare(image))[0],
            dataset,
            len(dataset.classes),
            resize_label=resize_label,
            progress=progress,
        )
    return matrix.miou_percent()
