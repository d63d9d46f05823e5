"""Files and the processors that they were made for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from edgeseg.core.container import file_format
from edgeseg.core.cpu import Int8Features, int8_features
from edgeseg.core.errors import MissingDependency, QuantizeError
from edgeseg.core.graph import Graph
from edgeseg.core.registry import load
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact, Facts, Format
from edgeseg.pipeline.sources import is_file
from edgeseg.quantize.finished.edgetpu import refused
from edgeseg.quantize.targets import AUTO, Target, fitting, target_for, target_named

if TYPE_CHECKING:
    from edgeseg.quantize.finished.saturation import Saturation

__all__ = ["check_made_for", "formats_of", "misfit", "read_saturation", "speaks_for_devices"]

_FORMATS: tuple[Format, ...] = ("onnx", "tflite")


def formats_of(target: str, sources: Iterable[Source] = (), asked: Iterable[Format] = ()) -> tuple[Format, ...]:
    """The formats of those asked for, or of all, that a target is for.

    Raises InputError for an unknown target, and where a format asked for or a finished file among the sources is of
    another than its.
    """
    files = [file_format(Path(source.target)) for source in sources if is_file(source.target)]
    formats = tuple(asked)
    for format in (*files, *formats):
        target_for(target, format)
    return formats or (_FORMATS if target == AUTO else (target_named(target).format,))


def read_saturation(path: Path) -> Saturation:
    """Whether an .onnx file can saturate 16-bit sums; MissingDependency without the package onnx."""
    reader = load(
        "edgeseg.quantize.finished", "saturation", package="onnx", extra="onnx", why=f"reading the weights of {path}"
    )
    found: Saturation = reader.saturation(path)
    return found


def check_made_for(path: Path, written: Path, facts: Facts, graph: Graph) -> None:
    """Raise QuantizeError, for the file at `path`, where the one `written` cannot do what its facts say it is for."""
    target = target_named(facts.target) if facts.target else None
    if target and target.pairs_fit and not (found := read_saturation(written)).cannot:
        raise QuantizeError(f"{path}: made for {target.name}, but it {found.summary()}")
    if target and target.integer_only and (others := refused(graph)):
        listed = ", ".join(f"{count} {what}" for what, count in others.items())
        raise QuantizeError(f"{path}: these are not of the Edge TPU: {listed}; use --target tflite-xnnpack")


def misfit(artifact: Artifact, features: Int8Features | None = None) -> str | None:
    """Why a file with int8 weights does not fit a processor, by default this one, in one line; None where it does.

    A file for ONNX Runtime is read for sums that saturate where there is no VNNI, whoever made it.
    """
    facts = artifact.facts
    if facts.target == "edgetpu":
        return "made for edgetpu, but measured on the CPU"
    if facts.format != "onnx" or not facts.precision.startswith("int8"):
        return None
    here = fitting("onnx", features or int8_features())
    problem = _other_activations(facts, here) or _saturating(artifact, here)
    made = f"made for {facts.target}; " if facts.target else ""
    return f"{made}{problem}" if problem else None


def speaks_for_devices(artifact: Artifact, features: Int8Features | None = None) -> bool:
    """Whether a file that is slow on a processor, by default this one, is slow where it is going.

    An .onnx file was made for this kind of processor; a .tflite file may be for any device, and most have the int8 dot
    product without which integers are slow. Half floats need none.
    """
    facts = artifact.facts
    return facts.format == "onnx" or facts.precision == "fp16" or (features or int8_features()).dot_product


def _other_activations(facts: Facts, here: Target) -> str | None:
    """Why static int8 of another target has no fast kernels on a processor that the target `here` fits."""
    if facts.precision != "int8" or not facts.target or target_named(facts.target).activation == here.activation:
        return None
    return f"int8 is slow so on this CPU; quantize with --target {here.name}"


def _saturating(artifact: Artifact, here: Target) -> str | None:
    """Why sums of a file that was not made for the target `here` may be wrong where that one keeps them small."""
    if not here.pairs_fit or artifact.facts.target == here.name:
        return None
    try:
        found = read_saturation(artifact.path)
    except MissingDependency as missing:
        return f"this CPU has no VNNI: u8 x s8 sums may saturate ({missing})"
    if not found.can:
        return None
    layers = f"{len(found.can)} of {len(found.layers)} layers"
    return f"this CPU has no VNNI: u8 x s8 sums can saturate in {layers}; quantize with --target {here.name}"
