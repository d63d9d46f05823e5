"""PyTorch, running the source network itself."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray

from edgeseg.core.errors import MeasureError, first_line
from edgeseg.core.outputs import main_output
from edgeseg.core.protocols import RuntimeDeclaration
from edgeseg.core.types import Artifact, Model
from edgeseg.runtimes.network import facts_of, refuse_tensors, source_engine
from edgeseg.runtimes.session import Session

__all__ = ["DECLARATION", "open_session"]

DECLARATION = RuntimeDeclaration(format="torch", package="torch", extra="torch", default=True)


def open_session(
    source: Artifact | Model, threads: int, *, device: str, tensors: bool, watch: tuple[str, ...]
) -> Session:
    """Run an `nn.Module`, put in eval mode. The number of threads is the whole process's."""
    assert isinstance(source, Model)
    refuse_tensors(source, tensors or bool(watch))
    torch.set_num_threads(threads)
    network = source.network.eval()

    def run(batch: NDArray[Any]) -> NDArray[Any]:
        try:
            with torch.inference_mode():
                logits: NDArray[Any] = main_output(network(torch.from_numpy(batch))).numpy()
        except Exception as error:
            raise MeasureError(f"{source.name}: PyTorch cannot run it: {first_line(error)}") from error
        return logits

    return Session(facts_of(source, "torch", "NCHW"), source_engine(run))
