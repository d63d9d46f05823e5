"""PyTorch, running the source network itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, final

import torch
from numpy.typing import NDArray

from edgeseg.core.errors import MeasureError, first_line
from edgeseg.core.protocols import RuntimeDeclaration
from edgeseg.core.types import Artifact, Model
from edgeseg.runtimes.engine import Port
from edgeseg.runtimes.network import facts_of, main_output, refuse_tensors
from edgeseg.runtimes.session import Session

__all__ = ["DECLARATION", "open_session"]

DECLARATION = RuntimeDeclaration(format="torch", package="torch", extra="torch")


def open_session(source: Artifact | Model, threads: int, *, device: str, tensors: bool) -> Session:
    """Run an `nn.Module`, put in eval mode. The number of threads is the whole process's."""
    assert isinstance(source, Model)
    refuse_tensors(source, tensors)
    torch.set_num_threads(threads)
    return Session(facts_of(source, "torch", "NCHW"), _Engine(source))


@final
class _Engine:
    def __init__(self, model: Model) -> None:
        self._name = model.name
        self._network = model.network.eval()
        self.input = Port("image", (None, 3, None, None), "float32")
        self.output = Port("logits", (None, len(model.classes), None, None), "float32")

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        try:
            with torch.inference_mode():
                result: NDArray[Any] = main_output(self._network(torch.from_numpy(batch))).numpy()
        except Exception as error:
            raise MeasureError(f"{self._name}: PyTorch cannot run it: {first_line(error)}") from error
        return result

    def tensors(self, batch: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
        raise NotImplementedError

    def close(self) -> None:
        self._network = None
