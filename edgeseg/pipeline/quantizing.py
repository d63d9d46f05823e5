"""The verb of the Python API: float file to quantized file, within a budget if one is given."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Dataset, Progress, Recipe
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact
from edgeseg.data.unlabelled import as_dataset
from edgeseg.pipeline.files.converting import convert
from edgeseg.pipeline.files.keeping import keep_at
from edgeseg.pipeline.files.quantizing import CALIBRATION_IMAGES
from edgeseg.pipeline.images import DEFAULT_DATA
from edgeseg.pipeline.silence import silent
from edgeseg.pipeline.sources import as_artifact, given_path
from edgeseg.pipeline.workspace import quantized_path
from edgeseg.pipeline.worth.again import Again, kept
from edgeseg.pipeline.worth.mixing import Budget, known_beside, mix
from edgeseg.quantize.precisions import kind_of, nothing_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["quantize"]


def quantize(
    artifact: Artifact | Path | str,
    samples: Dataset | Iterable[NDArray[np.uint8]] | str = DEFAULT_DATA,
    recipe: Recipe | None = None,
    path: Path | str | None = None,
    *,
    count: int = CALIBRATION_IMAGES,
    split: str | None = None,
    progress: Progress = silent,
    folder: Path | str | None = None,
    calibration: Path | str | None = None,
    budget: Budget | None = None,
    threads: int = 2,
) -> Artifact:
    """Quantize a float file, with activation ranges taken from calibration images where its precision needs them.

    Args:
        artifact: A float .onnx or .tflite, as an Artifact or a path.
        samples: A Dataset; or the text that names one, such as `cityscapes:/data/cityscapes`; or RGB images (H, W, 3)
            of uint8.
        recipe: How to quantize; by default to int8 with ranges of least squared error and per-channel weights.
        path: Target file; by default in `folder` with the precision in its name.
        count: Calibration images, where `samples` is text.
        split: Split that they come from; by default the dataset's calibration split, or, where that has no
            images, the one that accuracy is measured on.
        progress: Told how far calibration is.
        folder: Where the file goes without a `path`; by default beside the float file.
        calibration: File of what the images showed. Where it exists it is used and no image is read; else it is
            written. It serves every method and percentile, but no other float file.
        budget: What int8 may cost: the layers that it takes are left in float. What each layer costs and gives is kept
            in a file beside the new one, so that another budget measures nothing twice.
        threads: To measure with, for a budget.

    Raises:
        InputError: A file, dataset, recipe or budget that cannot be used, an Artifact whose file was replaced since, or
            a `calibration` of another float file.
        QuantizeError: The file could not be quantized, or holds no int8 convolution afterwards, or floats at an end
            that the recipe wants in int8, or cannot keep the budget; nothing is left at `path`.
    """
    recipe, samples = recipe or Recipe(), samples if isinstance(samples, str) else as_dataset(samples)
    if not isinstance(recipe, Recipe):
        raise InputError(f"recipe {recipe!r}: expected an edgeseg.Recipe")
    if not isinstance(budget, Budget | None):
        raise InputError(f"budget {budget!r}: expected an edgeseg.Budget, such as Budget(max_drop_points=0.5)")
    if budget is not None and recipe.precision != "int8":
        raise nothing_for(recipe.precision, "a budget")
    float_path = given_path(artifact)
    source = artifact if isinstance(artifact, Artifact) else as_artifact(Source(str(float_path)))
    path, folder, calibration = (Path(given) if given else None for given in (path, folder, calibration))
    if not kind_of(recipe).calibrated:
        if calibration:
            raise InputError(f"{recipe.precision} needs no calibration; leave out {calibration}")
        return convert(source, recipe, path, folder)[0].sealed()
    target = path or quantized_path(source.path, recipe.precision, folder)
    with kept(keep_at(calibration) if calibration else None, again=budget is not None) as keep:
        again = Again(source, samples, recipe, count, split, keep)
        if budget is not None:
            again = again.without(mix(again, budget, known_beside(target), threads, progress).floating)
        return again((), target, progress)[0].sealed()
