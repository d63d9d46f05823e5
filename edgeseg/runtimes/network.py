"""What the runtimes of the source frameworks have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from edgeseg.core.errors import InputError
from edgeseg.core.types import Facts, Framework, InputFacts, Layout, Model, OutputFacts
from edgeseg.runtimes.engine import Engine, Port

__all__ = ["facts_of", "refuse_tensors", "source_engine"]


def facts_of(model: Model, framework: Framework, layout: Layout) -> Facts:
    """A network as the artifact that it would be without export: float logits at the input's size."""
    return Facts(
        model=model.name,
        format=framework,
        precision="fp32",
        input=InputFacts(model.size, layout=layout, normalization=model.normalization),
        output=OutputFacts("logits", model.size, layout),
        classes=model.classes,
        framework=framework,
        params=model.params,
        weights_sha256=model.weights_sha256,
    )


def refuse_tensors(model: Model, tensors: bool) -> None:
    """Raise InputError where the tensors inside a network are asked for."""
    if tensors:
        raise InputError(f"{model.name}: only the tensors of an exported file can be read; export it first")


def source_engine(run: Callable[[NDArray[Any]], NDArray[Any]]) -> Engine:
    """The engine of a network that takes and gives float32."""
    return Engine(Port("image", (None,) * 4, "float32"), Port("logits", (None,) * 4, "float32"), run)
