"""Model and dataset to weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeseg import data, models, runtimes
from edgeseg.core.protocols import Dataset, Progress
from edgeseg.core.types import Model
from edgeseg.pipeline import workspace
from edgeseg.pipeline.images import DEFAULT_DATA
from edgeseg.pipeline.silence import silent
from edgeseg.train.loop import train as fit
from edgeseg.train.options import TrainOptions, TrainResult

__all__ = ["train"]


def train(
    model: Any,
    dataset: Dataset | str = DEFAULT_DATA,
    options: TrainOptions | None = None,
    path: Path | None = None,
    *,
    images: int | None = None,
    validation: Dataset | str | None = None,
    folder: Path = workspace.DEFAULT,
    progress: Progress = silent,
) -> tuple[Path, TrainResult]:
    """Train a network in place and write its weights.

    Args:
        model: A zoo name or a `core.types.Model`; a network given by name starts from random weights.
        dataset: A Dataset, or the text that names one, whose `train` split is used.
        options: See `TrainOptions`.
        path: Weights file (.safetensors); by default in `folder`. The checkpoint that an interrupted run goes on from
            lies beside it.
        images: How many training images, where `dataset` is text; by default all.
        validation: Dataset to state the mIoU on, at the model's size; by default the first split of `dataset`, and
            none where `dataset` is an object.
        folder: Workspace, where no `path` is given.
        progress: Told the step and the loss.

    Raises:
        InputError: Options or data that cannot be used.
        TrainError: The loss became no number, or the run was interrupted.
    """
    network = models.as_model(model, weights="random")
    target = path or folder / f"{network.name}_weights.safetensors"
    if isinstance(dataset, str):
        labelled = data.open_dataset(dataset, split="train", size=network.size, limit=images)
        validation = validation or dataset
    else:
        labelled = dataset
    if isinstance(validation, str):
        validation = data.open_dataset(validation, size=network.size)
    from edgeseg.models.weights import save

    checkpoint = target.with_suffix(".checkpoint.safetensors")
    validate = None if validation is None else _validate(validation, progress)
    result = fit(network, labelled, options or TrainOptions(), checkpoint, progress, validate)
    save(network.network, target)
    return target, result


def _validate(dataset: Dataset, progress: Progress) -> Callable[[Model], float]:
    def validate(model: Model) -> float:
        from edgeseg.bench.miou import evaluate
        from edgeseg.data.preprocess import Preprocessor, resize_label

        with runtimes.open_session(model) as session:
            prepare = Preprocessor(session.facts.input)
            matrix = evaluate(
                lambda image: session.classmap(prepare(image))[0],
                dataset,
                len(dataset.classes),
                resize_label=resize_label,
                progress=progress,
            )
        return matrix.miou_percent() or 0.0

    return validate
