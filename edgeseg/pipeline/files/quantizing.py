"""Float artifact to quantized artifact, read back to see that it is one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeseg import quantize as room
from edgeseg import runtimes
from edgeseg.core.container import write_facts
from edgeseg.core.errors import InputError
from edgeseg.core.files import atomic_path
from edgeseg.core.protocols import Calibration, Dataset, Keep, Progress, Recipe, never
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact, Format
from edgeseg.data.unlabelled import as_dataset
from edgeseg.pipeline.files.converting import convert, need_float, try_out
from edgeseg.pipeline.files.counting import counted
from edgeseg.pipeline.files.exporting import export
from edgeseg.pipeline.files.keeping import keep_at
from edgeseg.pipeline.files.pinning import pinned
from edgeseg.pipeline.fitting import check_made_for
from edgeseg.pipeline.images import DEFAULT_DATA, Batches, open_calibration
from edgeseg.pipeline.silence import silent
from edgeseg.pipeline.sources import as_artifact, as_model, is_file
from edgeseg.pipeline.workspace import check_target, quantized_path
from edgeseg.quantize.finished.ends import check_ends
from edgeseg.quantize.finished.report import Report, int8_report, verify
from edgeseg.quantize.precisions import kind_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["CALIBRATION_IMAGES", "float_artifacts", "quantize", "quantize_with_report"]

CALIBRATION_IMAGES = 64


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
) -> Artifact:
    """Quantize a float file, with activation ranges taken from calibration images where its precision needs them.

    Args:
        artifact: A float .onnx or .tflite, as an Artifact or a path.
        samples: A Dataset; or the text that names one, such as `cityscapes:/data/cityscapes`; or RGB images (H, W, 3)
            of uint8.
        recipe: How to quantize; by default to int8 with ranges of least squared error and per-channel weights.
        path: Target file; by default in `folder` with the precision in its name.
        count: Calibration images, where `samples` is text.
        split: Split that they come from; by default the dataset's calibration split.
        progress: Told how far calibration is.
        folder: Where the file goes without a `path`; by default beside the float file.
        calibration: File of what the images showed. Where it exists it is used and no image is read; else it is
            written. It serves every method and percentile, but no other float file.

    Raises:
        InputError: A file, dataset or recipe that cannot be used, or a `calibration` of another float file.
        QuantizeError: The file could not be quantized, or holds no int8 convolution afterwards, or floats at an end
            that the recipe wants in int8; nothing is left at `path`.
    """
    recipe, samples = recipe or Recipe(), samples if isinstance(samples, str) else as_dataset(samples)
    if not isinstance(recipe, Recipe):
        raise InputError(f"recipe {recipe!r}: expected an edgeseg.Recipe")
    path, folder, calibration = (Path(given) if given else None for given in (path, folder, calibration))
    if not kind_of(recipe).calibrated:
        if calibration:
            raise InputError(f"{recipe.precision} needs no calibration; leave out {calibration}")
        return convert(_as_artifact(artifact), recipe, path, folder)[0]
    keep = keep_at(calibration) if calibration else None
    return quantize_with_report(
        artifact, samples, recipe, path, count=count, split=split, progress=progress, folder=folder, keep=keep
    )[0]


def quantize_with_report(
    artifact: Artifact | Path | str,
    samples: Dataset | str = DEFAULT_DATA,
    recipe: Recipe | None = None,
    path: Path | None = None,
    *,
    count: int = CALIBRATION_IMAGES,
    split: str | None = None,
    progress: Progress = silent,
    folder: Path | None = None,
    keep: Keep | None = None,
    enough: Callable[[], bool] = never,
    begun: Path | None = None,
    verified: bool = True,
) -> tuple[Artifact, Report]:
    """As `quantize` for a precision with calibration, with what the file really holds in int8 and what in float.

    `keep` is a file of observations that several float files may share. `enough`, asked after every image, can end
    calibration early; `begun` is a file to keep what it has seen so far in, and to go on from. Without `verified`, a
    file is written even where no convolution of it is int8, or an end is float that the recipe wants in int8.
    """
    from edgeseg.graphs import read_graph

    source, recipe = _as_artifact(artifact), recipe or Recipe()
    need_float(source)
    if keep is None or keep.add:
        size = source.facts.input.size
        dataset = open_calibration(samples, split, size, count) if isinstance(samples, str) else samples
        batches = Batches(dataset, source.facts.input)
        calibration = Calibration(batches, len(dataset), dataset.name, _observe, progress, keep, enough, begun)
    else:
        calibration = Calibration((), 0, str(keep.path), _observe, progress, keep)
    target = path or quantized_path(source.path, recipe.precision, folder)
    check_target(target, source.facts.format, [source.path])
    with atomic_path(target) as temporary, pinned(source) as fixed:
        quantized = room.quantizer(source.facts.format)(fixed, recipe, calibration, temporary)
        graph = read_graph(temporary)
        report = int8_report(graph)
        if verified:
            verify(report, target)
            check_ends(graph, recipe, target)
        check_made_for(target, temporary, quantized.facts, graph)
        try_out(quantized, target)
        facts = counted(quantized.facts, fixed)  # The int8 file may pad kernels with zeros.
        facts = replace(facts, parent_sha256=source.sha256)
        write_facts(temporary, facts)
    return Artifact(target, facts), report


def _as_artifact(artifact: Artifact | Path | str) -> Artifact:
    return artifact if isinstance(artifact, Artifact) else as_artifact(Source(str(artifact)))


def float_artifacts(
    sources: Iterable[Source], folder: Path, data: str, split: str | None, formats: tuple[Format, ...]
) -> list[Artifact]:
    """What is to be quantized: finished files as they are, everything else exported to the formats first."""
    found = []
    for source in sources:
        if is_file(source.target):
            found.append(as_artifact(source))
        else:
            model = as_model(source)
            found += [export(model, target, data=data, split=split, folder=folder) for target in formats]
    return found


def _observe(
    artifact: Artifact, batches: Iterable[NDArray[Any]], names: Collection[str] | None
) -> Iterator[Iterator[tuple[str, NDArray[Any]]]]:
    with runtimes.open_session(artifact, tensors=True, watch=tuple(names or ())) as session:
        for batch in batches:
            yield session.tensors(batch)
