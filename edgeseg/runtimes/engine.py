"""What a runtime has to offer for a Session to be made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgeseg.core.errors import InputError
from edgeseg.core.profile import Trace
from edgeseg.core.types import Precision

__all__ = ["WARMUP_RUNS", "Engine", "Port", "Quantization", "Signature", "watched"]

WARMUP_RUNS = 2
"""Before the runs that a trace is made of."""


@dataclass(frozen=True)
class Quantization:
    """Integers of a tensor as real numbers: scale * (integer - zero_point)."""

    scale: float
    zero_point: int


@dataclass(frozen=True)
class Port:
    """An input or output of a file; a dimension is None where the file leaves it open."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    quantization: Quantization | None = None


@dataclass(frozen=True)
class Signature:
    """What can be read off a file without running it."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    precision: Precision


@dataclass(frozen=True)
class Engine:
    """A network in a runtime's hands, fed with the input's own dtype and giving the output's own.

    `run` gives the output of a batch, which the caller owns. `lent` gives it where it lies, good until the next run;
    None where `run` copies nothing out. `tensors` runs a batch and gives the input, then every computed tensor in
    execution order, or the watched ones alone; it is None where the engine was not opened for that.
    `trace` runs a batch so many times under the runtime's profiler, None where the runtime has none that can be read.
    `holding` takes a batch into the runtime's own memory and gives a call that runs the network on it, None where `run`
    copies nothing in or out.
    Dropping the engine frees the runtime's memory.
    """

    input: Port
    output: Port
    run: Callable[[NDArray[Any]], NDArray[Any]]
    tensors: Callable[[NDArray[Any]], Iterator[tuple[str, NDArray[Any]]]] | None = None
    trace: Callable[[NDArray[Any], int], Trace] | None = None
    holding: Callable[[NDArray[Any]], Callable[[], object]] | None = None
    lent: Callable[[NDArray[Any]], NDArray[Any]] | None = None


def watched(path: Path, names: list[str], watch: tuple[str, ...]) -> list[str]:
    """Those of a file's computed tensors that are to be watched, all where none is named."""
    unknown = set(watch).difference(names)
    if unknown:
        raise InputError(f"{path}: computes no tensor {min(unknown)!r}; edgeseg.graphs.read_graph lists those it does")
    return [name for name in names if name in watch] if watch else names
