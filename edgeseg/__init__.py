"""Edge-deployment toolchain for semantic segmentation: export, int8-quantize, bench and compare.

The words of the command line as functions: `edgeseg.models.build`, `edgeseg.data.open_dataset`, `edgeseg.export`,
`edgeseg.quantize`, `edgeseg.bench`, `edgeseg.gate`, `edgeseg.train`; and what they take: `edgeseg.Recipe`,
`edgeseg.Budget`, `edgeseg.GateOptions`.
Importing this package loads neither a framework nor a runtime.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__: str

__all__ = [
    "Budget",
    "GateOptions",
    "Recipe",
    "__version__",
    "bench",
    "data",
    "export",
    "gate",
    "models",
    "quantize",
    "train",
]

_ROOMS = ("bench", "data", "models", "quantize", "train")
_FROM = {
    "Budget": "edgeseg.pipeline",
    "GateOptions": "edgeseg.bench.gates.gate",
    "Recipe": "edgeseg.core.protocols",
    "export": "edgeseg.pipeline",
    "gate": "edgeseg.pipeline",
}


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"edgeseg.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("edgeseg")
    if name in _FROM:
        return getattr(import_module(_FROM[name]), name)
    raise AttributeError(f"module 'edgeseg' has no attribute {name!r}")
