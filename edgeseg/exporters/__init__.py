"""One exporter per pair of framework and format, found by what its file declares."""

from __future__ import annotations

from pathlib import Path

from edgeseg.core import registry
from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Exporter, ExporterDeclaration, ExportSpec
from edgeseg.core.types import Artifact, Format, Framework, Model

__all__ = ["check_pair", "declarations", "export_model", "exporter"]

_ROOM = "edgeseg.exporters"


def declarations() -> dict[str, ExporterDeclaration]:
    """Every exporter by the name of its file."""
    return {name: declared for name, (_, declared) in registry.declarations(_ROOM, ExporterDeclaration).items()}


def check_pair(source: Framework, target: Format) -> str:
    """The name of the exporter from a framework to a format; InputError where there is none."""
    for stem, declared in declarations().items():
        if (declared.source, declared.format) == (source, target):
            return stem
    pairs = ", ".join(f"{d.source} to {d.format}" for d in declarations().values())
    raise InputError(f"no exporter from {source} to {target}; there are: {pairs}")


def exporter(source: Framework, target: Format) -> Exporter:
    """The exporter from a framework to a format; InputError where there is none."""
    stem = check_pair(source, target)
    declared = declarations()[stem]
    why = f"export from {source} to {target}"
    module = registry.load(_ROOM, stem, package=declared.package, extra=declared.extra, why=why)
    export: Exporter = module.export
    return export


def export_model(model: Model, target: Format, spec: ExportSpec, path: Path) -> Artifact:
    """Write `model` to `path`; see `core.protocols.Exporter`."""
    return exporter(model.framework, target)(model, spec, path)
