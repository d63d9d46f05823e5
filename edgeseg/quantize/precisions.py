"""What a float file can be made into, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Format, Precision
from edgeseg.quantize.targets import AUTO, target_named

__all__ = ["PRECISIONS", "Kind", "activation_of", "kind_of", "nothing_for"]


@dataclass(frozen=True)
class Kind:
    """A precision: what its weights are stored as, and the fields of a Recipe that it has a use for.

    `activations` are the types that the activations of a file of each format can have, by default the target's or the
    first. Where there are none, no range is needed, and no image.
    """

    weights: str
    uses: frozenset[str]
    activations: Mapping[Format, tuple[str, ...]] = field(default_factory=dict)

    @property
    def calibrated(self) -> bool:
        """Whether it takes ranges from calibration images."""
        return bool(self.activations)


_NAMES = frozenset({"name", "precision"})
_WEIGHTS = frozenset({"per_channel", "learned_rounding", "floating", "without"})
_STATIC = _NAMES | _WEIGHTS | {"method", "percentile", "activation", "output"}

PRECISIONS: Mapping[Precision, Kind] = {
    "int8": Kind("int8", _STATIC | {"target", "input"}, {"onnx": ("int8", "uint8"), "tflite": ("int8",)}),
    "int16x8": Kind("int8", _STATIC, {"onnx": ("uint16", "int16"), "tflite": ("int16",)}),
    "int8-dynamic": Kind("int8", _NAMES | {"target"}),
    "fp16": Kind("float16", _NAMES),
}
"""Static int8; the same with 16-bit activations; int8 weights with activations quantized at run time; half floats."""

_OPTIONS = {"per_channel": "--per-tensor", "floating": "--float"}


def kind_of(recipe: Recipe) -> Kind:
    """The precision that a recipe asks for.

    Raises InputError where there is none of that name, and for a field that says something this precision has no use
    for.
    """
    kind = PRECISIONS.get(recipe.precision)
    if kind is None:
        raise InputError(f"no precision {recipe.precision!r} to quantize to; there are: {', '.join(PRECISIONS)}")
    for each in fields(Recipe):
        if each.name not in kind.uses and getattr(recipe, each.name) != each.default:
            option = _OPTIONS.get(each.name, f"--{each.name.replace('_', '-')}")
            raise nothing_for(recipe.precision, option)
    if recipe.precision == "int8-dynamic" and recipe.target != AUTO:
        target = target_named(recipe.target)
        if target.format == "onnx" and target.activation != "uint8":
            problem = f"ONNX Runtime's activations are uint8 then, which target {target.name} is not for"
            raise InputError(f"{recipe.precision}: {problem}; leave --target out")
    return kind


def nothing_for(precision: str, option: str) -> InputError:
    """Of something that was asked for and that a precision has no use for."""
    return InputError(f"{precision}: there is nothing for {option} to do; leave it out")


def activation_of(recipe: Recipe, format: Format, usual: str) -> str:
    """The integer type of a file's activations, `usual` where the recipe leaves it open; InputError for another."""
    known = kind_of(recipe).activations[format]
    if recipe.activation not in ("auto", *known):
        raise InputError(f"activation {recipe.activation!r}: this .{format} file can have {', '.join(known)} or auto")
    return usual if recipe.activation == "auto" else recipe.activation
