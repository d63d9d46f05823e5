"""An ONNX file with the tensors inside it as outputs."""

from __future__ import annotations

from pathlib import Path

import onnx

from edgeseg.runtimes.engine import watched

__all__ = ["with_outputs"]


def with_outputs(path: Path, watch: tuple[str, ...]) -> tuple[list[str], bytes]:
    """The names of the tensors in execution order, and the model that gives the computed ones after its own outputs.

    The input and all tensors, or those to watch alone; InputError where there is none of a name.
    """
    model = onnx.load(path)
    weights = {constant.name for constant in model.graph.initializer}  # Older files list them as inputs too.
    given = next(value.name for value in model.graph.input if value.name not in weights)
    names = watched(path, [given, *(name for node in model.graph.node for name in node.output if name)], watch)
    known = {given, *(output.name for output in model.graph.output)}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in known)
    return names, model.SerializeToString()
