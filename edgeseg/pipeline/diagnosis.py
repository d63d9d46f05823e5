"""What is installed, what is missing and what it is for, and what this processor can do in int8."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata

from edgeseg import data, exporters, quantize, runtimes
from edgeseg.core.registry import installed

__all__ = ["Package", "packages"]

_ALWAYS = (
    ("PIL", "pillow", "images", "read image files, draw pictures"),
    ("numba", "numba", "fast", "the fast segmentation head and preprocessing"),
    ("onnx", "onnx", "onnx", "read and write ONNX graphs"),
    ("onnxsim", "onnxsim", "onnx", "simplify exported ONNX files"),
    ("safetensors", "safetensors", "torch", "weights of the zoo"),
)
_DISTRIBUTIONS = {
    "ai_edge_litert": "ai-edge-litert",
    "litert_torch": "litert-torch",
    "ai_edge_quantizer": "ai-edge-quantizer",
}


@dataclass(frozen=True)
class Package:
    """An optional package. `version` is None where it is missing; `extra` is what installs it."""

    name: str
    version: str | None
    extra: str
    purpose: str


def packages() -> list[Package]:
    """Every optional package that some room of edgeseg declares a need for, by name."""
    needs: dict[str, tuple[str, str, list[str]]] = {m: (d, extra, [why]) for m, d, extra, why in _ALWAYS}

    def need(module: str, extra: str, purpose: str) -> None:
        entry = needs.setdefault(module, (_DISTRIBUTIONS.get(module, module), extra, []))
        entry[2].append(purpose)

    for name, runtime in runtimes.declarations().items():
        need(
            runtime.package,
            runtime.extra,
            f"run {runtime.format} files" if name != runtime.format else f"run {name} models",
        )
    for exporter in exporters.declarations().values():
        need(exporter.package, exporter.extra, f"export {exporter.source} to {exporter.format}")
    for format, quantizer in quantize.declarations().items():
        need(quantizer.package, quantizer.extra, f"quantize {format}")
    for name, dataset in data.declarations().items():
        if dataset.package and dataset.extra:
            need(dataset.package, dataset.extra, f"read {name}")
    return [
        Package(distribution, metadata.version(distribution) if installed(module) else None, extra, "; ".join(why))
        for module, (distribution, extra, why) in sorted(needs.items())
    ]
