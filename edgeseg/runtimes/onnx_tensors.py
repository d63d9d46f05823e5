"""An ONNX file with its tensors as outputs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import onnx

__all__ = ["with_outputs"]


def with_outputs(path: Path, only: Collection[str] | None) -> tuple[list[str], bytes]:
    """The names of computed tensors in execution order, and the model that gives them after its own outputs.

    Where `only` some are wanted, ONNX Runtime may fuse the operators around the others.
    """
    model = onnx.load(path)
    names = [name for node in model.graph.node for name in node.output if name and (only is None or name in only)]
    own = {output.name for output in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in own)
    return names, model.SerializeToString()
