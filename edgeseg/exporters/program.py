"""What an exporter writes: a network with its head chosen, and the source that the written file must equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from edgeseg.core.errors import ExportError, first_line
from edgeseg.core.protocols import ExportSpec
from edgeseg.core.types import Facts, Format, InputFacts, Layout, Model, OutputFacts, Size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["BEFORE_SOFTMAX", "Followed", "Program", "Upsample", "facts_of", "output_facts", "unwritten"]

BEFORE_SOFTMAX = "ends before its softmax, which changes no pixel's class; --head logits keeps it"
"""The note of a file."""

_FLOAT32_COPY = "computes in float32 what the network, with the same weights, computes in half floats"


@dataclass(frozen=True)
class Upsample:
    """The bilinear upsample that a network ends in; `scores` is the size of what it is given."""

    scores: Size
    align_corners: bool


@dataclass(frozen=True)
class Followed:
    """What a source gives as `Program.reference` does, with its max poolings' winners given.

    Of its own maxima `other_maxima` lie elsewhere. The winner that is farthest below its cell's maximum is so by
    `tie_error`, relative to the spread of what is pooled.
    """

    expected: NDArray[Any]
    logits: NDArray[Any]
    other_maxima: int
    tie_error: float


@dataclass(frozen=True)
class Program:
    """A network ready to be written.

    `network` is the framework's object with the head of `output` on it. `reference` takes an (N, H, W, 3) batch and
    gives (what the written file must give, the source's full-resolution logits), both channels-last; `layers` yields
    (name, output) of the source's layers for one batch, channels-last, in order of execution. `follow` runs a
    batch with the winners of `maxima.winners`; it gives None where they do not fit the source's poolings. `complete`
    makes the source's logits of what a file gives that ends before them. `notes` are for the file's facts.
    """

    network: Any
    output: OutputFacts
    reference: Callable[[NDArray[Any]], tuple[NDArray[Any], NDArray[Any]]]
    layers: Callable[[NDArray[Any]], Iterator[tuple[str, NDArray[Any]]]]
    follow: Callable[[NDArray[Any], Sequence[NDArray[np.uint8]]], Followed | None]
    complete: Callable[[NDArray[Any]], NDArray[Any]] | None = None
    notes: tuple[str, ...] = ()


def output_facts(spec: ExportSpec, layout: Layout, upsample: Upsample | None) -> OutputFacts:
    """The output for the head asked for."""
    head = spec.head or "scores"
    if head == "scores" and upsample:
        return OutputFacts(head, upsample.scores, layout, align_corners=upsample.align_corners)
    return OutputFacts(head, spec.size, layout, dtype="int32" if head == "classmap" else "float32")


def unwritten(model: Model, tool: str, error: BaseException, other: Format) -> ExportError:
    """The error for a network that a tool cannot write; the other format may be able to hold it."""
    remedy = f"write that part of the network in other operators, or export it --to {other}"
    return ExportError(f"{model.name}: {tool} cannot write it: {first_line(error)}; {remedy}")


def facts_of(
    model: Model, spec: ExportSpec, program: Program, target: Format, layout: Layout, packages: tuple[str, ...]
) -> Facts:
    """The facts of a float file just written."""
    return Facts(
        model=model.name,
        format=target,
        precision="fp32",
        input=InputFacts(spec.size, spec.batch, layout, normalization=model.normalization),
        output=OutputFacts(
            program.output.head, program.output.size, layout, program.output.dtype, program.output.align_corners
        ),
        classes=model.classes,
        framework=model.framework,
        params=model.params,
        notes=(*((_FLOAT32_COPY,) if model.float32_copy else ()), *program.notes),
        weights_sha256=model.weights_sha256,
        tools={package: metadata.version(package) for package in ("edgeseg", *packages)},
    )
