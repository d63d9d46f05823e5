"""What a runtime has to offer for a Session to be made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from edgeseg.core.types import Precision

__all__ = ["Engine", "Port", "Quantization", "Signature"]


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

    `run` gives the output of a batch, which the caller owns. `tensors` runs a batch and gives the input, then the
    computed tensors in execution order; it is None where the engine was not opened for that. Dropping the engine frees
    the runtime's memory.
    """

    input: Port
    output: Port
    run: Callable[[NDArray[Any]], NDArray[Any]]
    tensors: Callable[[NDArray[Any]], Iterator[tuple[str, NDArray[Any]]]] | None = None
