"""What is installed, what is missing and what it is for, and what this processor can do in int8."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata

from edgeseg import exporters, quantize, runtimes

__all__ = ["Package", "packages"]

_ALWAYS = (
    ("pillow", "images", "read image files, draw pictures"),
    ("numba", "fast", "the fast segmentation head and preprocessing"),
    ("onnx", "onnx", "read and write ONNX graphs"),
    ("onnxsim", "onnx", "simplify exported ONNX files"),
    ("safetensors", "torch", "weights of the zoo"),
    ("segmentation-models-pytorch", "smp", "networks smp:DECODER:ENCODER"),
    ("timm", "smp", "networks timm:NAME"),
    ("torchvision", "smp", "what smp and timm are built on"),
)


@dataclass(frozen=True)
class Package:
    """An optional package. `version` is None where it is missing; `extra` is what installs it."""

    name: str
    version: str | None
    extra: str
    purpose: str


def packages() -> list[Package]:
    """Every optional package that some room of edgeseg declares a need for, by name."""
    needs: dict[str, tuple[str, list[str]]] = {}

    def need(package: str, extra: str, purpose: str) -> None:
        needs.setdefault(package.replace("_", "-"), (extra, []))[1].append(purpose)

    for package, extra, purpose in _ALWAYS:
        need(package, extra, purpose)
    for name, runtime in runtimes.declarations().items():
        what = "models" if name == runtime.format else "files"
        need(runtime.package, runtime.extra, f"run {runtime.format} {what}")
    for exporter in exporters.declarations().values():
        need(exporter.package, exporter.extra, f"export {exporter.source} to {exporter.format}")
    for quantizer in quantize.declarations().values():
        need(quantizer.package, quantizer.extra, f"quantize {quantizer.format}")
    return [Package(name, _version(name), extra, "; ".join(why)) for name, (extra, why) in sorted(needs.items())]


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
