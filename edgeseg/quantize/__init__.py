"""One quantizer per format, found by what it declares. The package can be called: `edgeseg.quantize(artifact, ...)`."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from edgeseg.core import registry
from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Quantizer, QuantizerDeclaration, Recipe
from edgeseg.core.types import Artifact, Format
from edgeseg.core.verb import make_callable

__all__ = ["convert", "declarations", "quantizer", "write_prepared"]

_ROOM = "edgeseg.quantize"


def declarations() -> dict[str, QuantizerDeclaration]:
    """Every quantizer by the name of its file."""
    return {name: declared for name, (_, declared) in registry.declarations(_ROOM, QuantizerDeclaration).items()}


def quantizer(format: Format) -> Quantizer:
    """The quantizer of a format; InputError where there is none, MissingDependency where its package is absent."""
    verb: Quantizer = _module(format).quantize
    return verb


def convert(artifact: Artifact, recipe: Recipe, path: Path) -> Artifact:
    """Write a float file in a precision that needs no calibration: `fp16` or `int8-dynamic`.

    It takes and gives what the float file does. Raises what `quantizer` raises, InputError for a target of another
    format, and QuantizeError for a file that cannot be converted.
    """
    converted: Artifact = _module(artifact.facts.format).convert(artifact, recipe, path)
    return converted


def write_prepared(artifact: Artifact, recipe: Recipe, path: Path) -> None:
    """Write a float file as it is right before it is quantized: with the operators that `Recipe.floating` can name.

    Raises what `quantizer` raises, and QuantizeError for a file that cannot be prepared.
    """
    _module(artifact.facts.format).write_prepared(artifact, recipe, path)


def _module(format: Format) -> ModuleType:
    for stem, declared in declarations().items():
        if declared.format == format:
            why = f"quantizing {format} files"
            return registry.load(_ROOM, stem, package=declared.package, extra=declared.extra, why=why)
    known = ", ".join(declared.format for declared in declarations().values())
    raise InputError(f"no quantizer for {format}; there are: {known}")


make_callable(_ROOM)
