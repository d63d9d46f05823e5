"""One quantizer per format, found by what it declares. The package can be called: `edgeseg.quantize(artifact, ...)`."""

from __future__ import annotations

from edgeseg.core import registry
from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Quantizer, QuantizerDeclaration
from edgeseg.core.types import Format
from edgeseg.core.verb import make_callable

__all__ = ["declarations", "quantizer"]

_ROOM = "edgeseg.quantize"


def declarations() -> dict[str, QuantizerDeclaration]:
    """Every quantizer by the name of its file."""
    return {name: declared for name, (_, declared) in registry.declarations(_ROOM, QuantizerDeclaration).items()}


def quantizer(format: Format) -> Quantizer:
    """The quantizer of a format; InputError where there is none, MissingDependency where its package is absent."""
    for stem, declared in declarations().items():
        if declared.format == format:
            why = f"quantizing {format} files"
            module = registry.load(_ROOM, stem, package=declared.package, extra=declared.extra, why=why)
            verb: Quantizer = module.quantize
            return verb
    known = ", ".join(declared.format for declared in declarations().values())
    raise InputError(f"no quantizer for {format}; there are: {known}")


make_callable(_ROOM)
