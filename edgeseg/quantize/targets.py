"""What int8 files are made for, as data: a recipe belongs to the processor that will run the file.

x86 processors multiply unsigned bytes by signed ones. With VNNI four products are summed in 32 bits. Without it
(vpmaddubsw) two are summed in 16 bits first, and a sum beyond 32767 is cut off without a word: the same file scores
less there. ONNX Runtime on ARM is fast with signed activations. XNNPACK, which runs TFLite files, widens to 16 bits
before it multiplies, on any processor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgeseg.core.cpu import Int8Features, int8_features
from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Artifact, Format, Layout

__all__ = ["AUTO", "TARGETS", "Ends", "Target", "ends", "fitting", "target_for", "target_named", "target_of"]

AUTO = "auto"
"""The target that fits the format and this machine."""

INPUTS = (AUTO, "float", "int8", "uint8", "uint8-nchw")
OUTPUTS = (AUTO, "float", "int8")


@dataclass(frozen=True)
class Target:
    """What a file is made for.

    `input` is what a file takes where nothing else is asked for. `pairs_fit`: weights are scaled such that no sum of
    two products leaves 16 bits. `integer_only`: the file holds no float tensor, at its ends neither, and only operators
    of the Edge TPU.
    """

    name: str
    format: Format
    activation: Literal["int8", "uint8", "int16", "uint16"]
    summary: str = ""
    input: Literal["float", "int8"] = "int8"
    pairs_fit: bool = False
    integer_only: bool = False


TARGETS = (
    Target("x86-vnni", "onnx", "uint8", "x86 with VNNI or AMX: full 8-bit weights"),
    Target("x86-avx2", "onnx", "uint8", "any x86: sums of two products stay inside 16 bits", pairs_fit=True),
    Target("arm", "onnx", "int8", "ARM: signed activations"),
    Target("tflite-xnnpack", "tflite", "int8", "LiteRT on any CPU"),
    Target("edgetpu", "tflite", "int8", "Coral Edge TPU: integers at both ends", integer_only=True),
)

_WIDE: dict[Format, Target] = {
    "onnx": Target("", "onnx", "uint16", input="float"),
    "tflite": Target("", "tflite", "int16", input="float"),
}
"""Of 16-bit activations, in ONNX unsigned as NPUs want them, which are for no processor by name: the kernels of CPUs
are for 8 bits."""


@dataclass(frozen=True)
class Ends:
    """What a file takes and whether its scores come out as integers."""

    input: str
    integer_output: bool

    @property
    def raw(self) -> bool:
        """Whether it takes camera bytes, in `layout`."""
        return self.input.startswith("uint8")

    @property
    def layout(self) -> Layout:
        """Of camera bytes."""
        return "NCHW" if self.input.endswith("nchw") else "NHWC"


def ends(recipe: Recipe, target: Target, artifact: Artifact) -> Ends:
    """What a recipe asks for at the ends of a float file, or what the target has; a class map comes out as it is.

    Raises InputError for what there is not.
    """
    head = artifact.facts.output.head
    for name, given, known in (("input", recipe.input, INPUTS), ("output", recipe.output, OUTPUTS)):
        if given not in known:
            raise InputError(f"{name} {given!r}: there are {', '.join(known)}")
        if target.integer_only and given == "float":
            raise InputError(f"target {target.name} has integers at both ends; leave out --{name} float")
    if recipe.output == "int8" and head == "classmap":
        raise InputError(f"{artifact.path}: it ends in a class map, which has no int8 scores; leave out --output")
    if recipe.input.startswith("uint8") and artifact.facts.input.dtype != "float32":
        raise InputError(f"{artifact.path}: it takes {artifact.facts.input.dtype} already; leave out --input")
    integers = recipe.output == "int8" or (recipe.output == AUTO and (target.integer_only or head == "scores"))
    return Ends(target.input if recipe.input == AUTO else recipe.input, integers and head != "classmap")


def fitting(format: Format, features: Int8Features) -> Target:
    """What fits a format on a processor with these features."""
    if format == "tflite":
        return target_named("tflite-xnnpack")
    if features.family != "x86":
        return target_named("arm")
    return target_named("x86-vnni" if features.vnni else "x86-avx2")


def target_named(name: str) -> Target:
    """InputError where there is none of this name."""
    for target in TARGETS:
        if target.name == name:
            return target
    raise InputError(f"no target {name!r}; there are: {', '.join((AUTO, *(target.name for target in TARGETS)))}")


def target_for(name: str, format: Format) -> Target:
    """The target of a name, or with `auto` what fits this machine. InputError where it is of another format."""
    if name == AUTO:
        return fitting(format, int8_features())
    target = target_named(name)
    if target.format != format:
        others = ", ".join(other.name for other in TARGETS if other.format == format)
        raise InputError(f"target {name} is for .{target.format} files, not .{format}; for those there are: {others}")
    return target


def target_of(recipe: Recipe, format: Format) -> Target:
    """What a recipe's file is made for; without a name where that is no processor. Raises what `target_for` raises."""
    return _WIDE[format] if recipe.precision == "int16x8" else target_for(recipe.target, format)
