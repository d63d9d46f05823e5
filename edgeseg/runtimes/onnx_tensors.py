"""An ONNX file with every tensor as an output."""

from __future__ import annotations

from pathlib import Path

import onnx

__all__ = ["with_all_outputs"]


def with_all_outputs(path: Path) -> tuple[list[str], bytes]:
    """The names of all computed tensors in execution order, and the model that gives them after its own outputs."""
    model = onnx.load(path)
    names = [name for node in model.graph.node for name in node.output if name]
    own = {output.name for output in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in own)
    return names, model.SerializeToString()
