"""Model to float artifact, checked against its source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeseg import exporters, graphs, models, runtimes
from edgeseg.core import registry
from edgeseg.core.container import write_facts
from edgeseg.core.errors import EdgesegError, ExportError
from edgeseg.core.files import atomic_path
from edgeseg.core.protocols import Dataset, ExportSpec
from edgeseg.core.types import Artifact, Facts, Format, HeadKind, InputFacts, Model, Size
from edgeseg.data import open_dataset
from edgeseg.pipeline import workspace
from edgeseg.pipeline.files.counting import counted
from edgeseg.pipeline.images import DEFAULT_DATA, prepared

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeseg.exporters.program import Program

__all__ = ["PARITY_IMAGES", "export"]

PARITY_IMAGES = 2


def export(
    model: Any,
    format: Format = "onnx",
    size: Size | str | None = None,
    head: HeadKind | None = None,
    path: Path | str | None = None,
    *,
    batch: int = 1,
    data: str = DEFAULT_DATA,
    split: str | None = None,
    folder: Path | str = workspace.DEFAULT,
) -> Artifact:
    """Write `model` as a float file and check on images of `data` that it is the same function.

    Args:
        model: A zoo name, `package.module:callable`, a saved Keras model's path, an `nn.Module`, a `keras.Model`, or
            a `core.types.Model`.
        format: `onnx` or `tflite`.
        size: Input size, or `HxW`; by default the model's own.
        head: `logits`, `scores` or `classmap`; by default `scores`, without the bilinear
            upsample that the network may end in.
        path: Target file; by default a name made of the facts, in `folder`.
        batch: Images a batch.
        data: Dataset whose images the check runs on. A network without built-in weights has its classes' names from
            there, where they are as many.
        split: Split of that dataset; by default the one accuracy is measured on.
        folder: Workspace, where no `path` is given.

    Raises:
        InputError: An input that cannot be used, such as a size that the network cannot take.
        ExportError: The converter failed.
        ParityError: The written file differs from its source; nothing is left at `path`.
    """
    asked = Size.of(size)
    with models.unchanged(model):
        model = models.as_model(model, size=asked)
        wanted = asked or model.size
        usual = workspace.artifact_path(Path(folder), model.name, wanted, format, "fp32", batch=batch, head=head)
        target = Path(path or usual)
        exporters.check_pair(model.framework, format)
        workspace.check_target(target, format)
        images = open_dataset(data, split=split, size=wanted, limit=max(PARITY_IMAGES, batch))
        return _exported(model, format, ExportSpec(wanted, batch, head), target, images)


def _exported(model: Model, format: Format, spec: ExportSpec, target: Path, images: Dataset) -> Artifact:
    trace = registry.load("edgeseg.exporters", f"{model.framework}_program").trace
    trace.cache_clear()  # The exporter and the check share what is traced now: the network may have changed since then.
    model = _named(model, images)
    with atomic_path(target) as temporary:
        artifact = exporters.export_model(model, format, spec, temporary)
        write_facts(temporary, artifact.facts)
        with _usable(model, artifact, target):
            facts = _checked(trace(model, spec), artifact, images, target.name)
        write_facts(temporary, facts)
    return Artifact(target, facts).sealed()


def _named(model: Model, images: Dataset) -> Model:
    """With the dataset's names of the classes, where those of the model are but guessed."""
    built_in = model.weights_sha256 is not None and models.is_as_shipped(model.name, model.weights_sha256)
    as_many = len(images.classes) == len(model.classes)
    return replace(model, classes=tuple(images.classes)) if as_many and not built_in else model


@contextmanager
def _usable(model: Model, artifact: Artifact, target: Path) -> Iterator[None]:
    """Raise ExportError, for the file that is going to be `target`, where its runtime cannot run the one written."""
    try:
        yield
    except EdgesegError as error:
        written, format = str(artifact.path), artifact.facts.format
        if not str(error).startswith(f"{written}: "):
            raise
        problem = str(error).removeprefix(f"{written}: ").partition("; export it again")[0]
        problem = problem.replace(written, target.name)
        raise ExportError(
            f"{model.name}: no {format} file of it can be made: {problem}; write that part of the network in other "
            f"operators, or export it --to {'onnx' if format == 'tflite' else 'tflite'}"
        ) from error


def _checked(program: Program, artifact: Artifact, images: Dataset, name: str) -> Facts:
    """The artifact's facts with its parity and MAdds; ParityError where it is not the source's function."""
    from edgeseg.exporters import parity

    batches = list(_batches(images, replace(artifact.facts.input, layout="NHWC")))
    with runtimes.open_session(artifact) as session:
        try:
            found = parity.parity(program, session, batches, lambda given: _winners(artifact, given))
        except ExportError as error:
            raise ExportError(f"{artifact.facts.model}: {error}") from error
    if not parity.passes(found):
        with runtimes.open_session(artifact, tensors=True) as session:
            where = parity.first_difference(program, session, batches[0])
        raise parity.failure(found, name, where)
    return counted(replace(artifact.facts, parity=found), artifact)


def _batches(images: Dataset, facts: InputFacts) -> Iterator[NDArray[Any]]:
    """Of images that all differ, or a mixture would pass for each of them; if there are too few, some are shifted."""
    import numpy as np

    given = list(prepared(images, facts))
    count = -(-len(given) // facts.batch) * facts.batch
    shifts = (index // len(given) * facts.size.width // count for index in range(count))
    different = [np.roll(given[index % len(given)], shift, axis=2) for index, shift in enumerate(shifts)]
    for first in range(0, count, facts.batch):
        yield np.concatenate(different[first : first + facts.batch])


def _winners(artifact: Artifact, given: NDArray[Any]) -> list[NDArray[np.uint8]]:
    """The pixels that the file's max poolings take on a batch in its layout; see `exporters.maxima`."""
    from edgeseg.exporters import maxima

    found = maxima.comparisons(graphs.read_graph(artifact.path))
    if not found:
        return []
    names = tuple(name for at in found for name in (at.lower, at.right_above, at.right_below))
    with runtimes.open_session(artifact, watch=names) as session:
        return maxima.winners(found, dict(session.tensors(given)))
