"""The options that say what a MODEL is, for every command that takes one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import StrEnum
from functools import partial, wraps
from typing import Annotated, Any, TypeAlias

import typer

from edgeseg.cli.options import Classes, Size, Weights
from edgeseg.core import types
from edgeseg.core.errors import InputError
from edgeseg.core.source import Source
from edgeseg.core.types import Normalization

__all__ = ["SourceOf", "takes_files", "takes_foreign", "takes_networks"]

SourceOf: TypeAlias = Callable[[str], Source]
"""Makes a Source of a MODEL as it was typed, with what the options say about it."""


class Channels(StrEnum):
    """What `--channels` takes."""

    RGB = "RGB"
    BGR = "BGR"


class Layout(StrEnum):
    """What `--layout` takes."""

    NCHW = "NCHW"
    NHWC = "NHWC"


def _option(kind: Any, *names: str, **settings: Any) -> Any:
    return Annotated[kind | None, typer.Option(*names, **settings)]


def _normalized(what: str, imagenet: tuple[float, float, float]) -> str:
    known = f"the zoo's or the file's own, else ImageNet's {','.join(map(str, imagenet))} (none for an integer input)"
    return f"R,G,B {what} of RGB/255 that the network expects; by default {known}."


_OF_NETWORKS = {
    "size": Size,
    "weights": Weights,
    "classes": Classes,
    "output_stride": _option(int, "--output-stride", min=1, help="Of a network that has the choice, mostly 8, 16, 32."),
    "cell": _option(
        str, "--cell", metavar="FILE", help="JSON of another dense prediction cell, for networks with one."
    ),
    "channels": _option(Channels, "--channels", help="Channel order that the network expects."),
    "mean": _option(str, "--mean", help=_normalized("mean", Normalization.mean)),
    "std": _option(str, "--std", help=_normalized("standard deviation", Normalization.std)),
}
_OF_BOTH = ("size", "classes", "channels", "mean", "std")
_OF_FILES = {
    "layout": _option(Layout, "--layout", help="Input layout of a file that edgeseg did not write."),
    "align_corners": _option(
        bool, "--align-corners/--half-pixel", help="How a foreign file's low-resolution scores are upsampled."
    ),
}


def takes_networks(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of networks. It has a parameter `source`, which is a SourceOf."""
    return _with(command, _OF_NETWORKS)


def takes_files(command: Callable[..., None]) -> Callable[..., None]:
    """Like `takes_networks`, for a command that takes finished files as well."""
    return _with(command, _OF_NETWORKS | _OF_FILES)


def takes_foreign(command: Callable[..., None]) -> Callable[..., None]:
    """Like `takes_networks`, for a command that takes finished files alone."""
    return _with(command, {name: _OF_NETWORKS[name] for name in _OF_BOTH} | _OF_FILES)


def _with(command: Callable[..., None], options: dict[str, Any]) -> Callable[..., None]:
    @wraps(command)
    def wrapped(**given: Any) -> None:
        facts = {name: given.pop(name) for name in options}
        command(source=partial(_source, **facts), **given)

    signature = inspect.signature(command, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in options.items()
    ]
    own = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in signature.parameters.values()]
    parameters = [each for each in own if each.name != "source"] + added
    wrapped.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {each.name: each.annotation for each in parameters}
    return wrapped


def _source(
    target: str,
    *,
    size: str | None,
    mean: str | None,
    std: str | None,
    channels: Channels | None,
    layout: Layout | None = None,
    **others: Any,
) -> Source:
    return Source(
        target,
        size=types.Size.parse(size) if size else None,
        mean=_three(mean, "--mean"),
        std=_three(std, "--std"),
        channels=channels.value if channels else None,
        layout=layout.value if layout else None,
        **others,
    )


def _three(text: str | None, option: str) -> tuple[float, float, float] | None:
    """Read `R,G,B`."""
    if text is None:
        return None
    try:
        first, second, third = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option} {text!r}: expected three numbers R,G,B, for example 0.485,0.456,0.406") from None
    return first, second, third
