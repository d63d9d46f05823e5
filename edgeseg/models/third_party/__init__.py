"""Networks of other packages: `smp:DECODER:ENCODER` and `timm:NAME`. Importing this loads no framework.

A package's file holds `build(name, classes, size)`, which raises InputError for a name that it does not know.
"""

from __future__ import annotations

from typing import Any

from edgeseg.core import registry
from edgeseg.core.errors import EdgesegError, InputError, MissingDependency, first_line
from edgeseg.core.types import Size
from edgeseg.models.adapters import adapter

__all__ = ["is_third_party", "open_network"]

_PACKAGES = {"smp": "segmentation_models_pytorch", "timm": "timm"}
_EXTRA = "smp"


def is_third_party(text: str) -> bool:
    """Whether a MODEL asks for a network of another package, be it installed or not."""
    prefix, colon, _ = text.partition(":")
    return bool(colon) and prefix in _PACKAGES


def open_network(text: str, classes: int = 19, size: Size | None = None) -> Any:
    """The `nn.Module` in eval mode that `smp:DECODER:ENCODER` or `timm:NAME` stands for, with seeded random weights.

    `size` matters to those that are built for one input size. Nothing is downloaded.

    Raises:
        InputError: A name that is not known, a network that cannot be built, or a package that cannot be imported.
        MissingDependency: The package is not installed.
    """
    prefix, _, name = text.partition(":")
    ours = adapter("torch")
    package = _import(text, prefix)
    try:
        return ours.seeded(lambda: package.build(name, classes, size or ours.DEFAULT_SIZE))
    except EdgesegError:
        raise
    except Exception as error:
        what = f"{_PACKAGES[prefix]} cannot build it: {first_line(error)}"
        raise InputError(f"{text}: {what}; try another encoder, such as {package.EXAMPLE}") from error


def _import(text: str, prefix: str) -> Any:
    if not registry.installed(_PACKAGES[prefix]):
        raise MissingDependency(_PACKAGES[prefix], _EXTRA, text)
    try:
        registry.load(__name__, "torchvision", extra=_EXTRA, why=text).prepare()
        return registry.load(__name__, prefix, extra=_EXTRA, why=text)
    except ModuleNotFoundError as error:
        raise MissingDependency(str(error.name), _EXTRA, text) from error
    except EdgesegError:
        raise
    except Exception as error:
        what = f"importing {_PACKAGES[prefix]} failed with {type(error).__name__}: {first_line(error)}"
        remedy = "install versions of torch, torchvision and timm that belong together"
        raise InputError(f"{text}: {what}; {remedy}") from error
