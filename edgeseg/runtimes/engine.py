"""What a runtime has to offer for a Session to be made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

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


class Engine(Protocol):
    """A network in a runtime's hands, fed with the input's own dtype and giving the output's own."""

    input: Port
    output: Port

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Run one batch; the result is the caller's."""

    def tensors(self, batch: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
        """Run one batch and give the input, then every computed tensor in execution order."""

    def close(self) -> None:
        """Free the runtime's memory."""
