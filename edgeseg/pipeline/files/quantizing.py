"""Float artifact to one of static integers, read back to see that it is one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeseg import quantize as room
from edgeseg import runtimes
from edgeseg.core.container import write_facts
from edgeseg.core.files import atomic_path
from edgeseg.core.protocols import Calibration, Dataset, Keep, Progress, Recipe, never
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact, Format
from edgeseg.pipeline.files.converting import need_float, try_out
from edgeseg.pipeline.files.counting import counted
from edgeseg.pipeline.files.exporting import export
from edgeseg.pipeline.files.pinning import pinned
from edgeseg.pipeline.fitting import check_made_for
from edgeseg.pipeline.images import Batches, open_calibration
from edgeseg.pipeline.silence import silent
from edgeseg.pipeline.sources import as_artifact, as_model, is_file
from edgeseg.pipeline.workspace import check_target
from edgeseg.quantize.finished.ends import check_ends
from edgeseg.quantize.finished.report import Report, int8_report, verify

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CALIBRATION_IMAGES", "float_artifacts", "quantize_with_report"]

CALIBRATION_IMAGES = 64


def quantize_with_report(
    source: Artifact,
    samples: Dataset | str,
    recipe: Recipe,
    path: Path,
    *,
    count: int = CALIBRATION_IMAGES,
    split: str | None = None,
    progress: Progress = silent,
    keep: Keep | None = None,
    enough: Callable[[], bool] = never,
    begun: Path | None = None,
    verified: bool = True,
) -> tuple[Artifact, Report]:
    """Quantize to a precision with calibration; told too is what the file really holds in int8 and what in float.

    `keep` is a file of observations that several float files may share. `enough`, asked after every image, can end
    calibration early; `begun` is a file to keep what it has seen so far in, and to go on from. Without `verified`, a
    file is written even where no convolution of it is int8, or an end is float that the recipe wants in int8.

    Raises what `edgeseg.quantize` raises.
    """
    from edgeseg.graphs import read_graph

    need_float(source)
    if keep is None or keep.add:
        size = source.facts.input.size
        dataset = open_calibration(samples, split, size, count) if isinstance(samples, str) else samples
        batches = Batches(dataset, source.facts.input)
        calibration = Calibration(batches, len(dataset), dataset.name, _observe, progress, keep, enough, begun)
    else:
        calibration = Calibration((), 0, str(keep.path), _observe, progress, keep)
    check_target(path, source.facts.format, [source.path])
    with atomic_path(path) as temporary, pinned(source) as fixed:
        quantized = room.quantizer(source.facts.format)(fixed, recipe, calibration, temporary)
        graph = read_graph(temporary)
        report = int8_report(graph)
        if verified:
            verify(report, path)
            check_ends(graph, recipe, path)
        check_made_for(path, temporary, quantized.facts, graph)
        try_out(quantized, fixed)
        facts = counted(quantized.facts, fixed)  # The int8 file may pad kernels with zeros.
        facts = replace(facts, parent_sha256=source.sha256)
        write_facts(temporary, facts)
    return Artifact(path, facts), report


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
