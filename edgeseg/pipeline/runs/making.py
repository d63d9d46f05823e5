"""The two steps that make files, as tasks for a process of their own."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeseg.core.protocols import Progress, Recipe
from edgeseg.core.source import Source
from edgeseg.core.types import Format, HeadKind
from edgeseg.pipeline.files.exporting import export
from edgeseg.pipeline.files.quantizing import quantize_with_report
from edgeseg.pipeline.images import open_evaluation
from edgeseg.pipeline.measure.evaluating import refuse_other_classes
from edgeseg.pipeline.sources import as_artifact, as_model
from edgeseg.pipeline.workspace import quantized_path

__all__ = ["Order", "make_float", "make_int8"]


@dataclass(frozen=True)
class Order:
    """What to make, of which model or file. `samples` are calibration images.

    With `labelled`, accuracy will be measured on `data`, which is then to have the classes of the model or file.
    """

    source: Source
    format: Format
    head: HeadKind | None
    recipe: Recipe
    data: str
    split: str | None
    samples: int
    folder: str
    labelled: bool = False

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Order:
        """Read what `to_json` wrote."""
        source, recipe = Source.from_json(values["source"]), values["recipe"]
        lists = {name: tuple(recipe[name]) for name in ("without", "floating")}
        return cls(**{**values, "source": source, "recipe": Recipe(**{**recipe, **lists})})


def make_float(order: Order, progress: Progress) -> dict[str, Any]:
    """Export; the answer names the file. Raises what `pipeline.export` raises, and InputError for other classes."""
    progress("export", 0, 1)
    folder = Path(order.folder)
    model = as_model(order.source)
    _check_classes(order, model.name, model.classes)
    artifact = export(model, order.format, head=order.head, data=order.data, split=order.split, folder=folder)
    return {"path": str(artifact.path)}


def make_int8(order: Order, progress: Progress) -> dict[str, Any]:
    """Quantize a file; the answer names the new one and sums up what is int8 in it."""
    artifact, folder = as_artifact(order.source), Path(order.folder)
    _check_classes(order, artifact.facts.model, artifact.facts.classes)
    path = quantized_path(artifact.path, order.recipe.precision, folder)
    quantized, report = quantize_with_report(
        artifact, order.data, order.recipe, path, count=order.samples, progress=progress
    )
    return {"path": str(quantized.path), "summary": report.summary()}


def _check_classes(order: Order, name: str, classes: tuple[str, ...]) -> None:
    """Before long work, rather than when all is made."""
    if order.labelled:
        refuse_other_classes(open_evaluation(order.data, order.split, None, 1), order.data, name, classes)
