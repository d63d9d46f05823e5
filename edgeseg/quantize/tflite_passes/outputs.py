"""A TFLite model with its first output alone, the one that is used."""

from __future__ import annotations

from typing import Any

__all__ = ["keep_first_output"]


def keep_first_output(model: Any) -> None:
    """Leave out, in place, the other outputs of the first subgraph and what only they are computed with.

    ai-edge-quantizer takes what reads an output that is float to read it in float too.
    """
    graph = model.subgraphs[0]
    first = int(graph.outputs[0])
    if len(graph.outputs) == 1:
        return
    graph.outputs = [first]
    for signature in model.signatureDefs or ():
        if signature.subgraphIndex == 0:
            signature.outputs = [each for each in signature.outputs if each.tensorIndex == first]
    needed, kept = {first}, []
    for op in reversed(graph.operators):
        if needed.intersection(op.outputs):
            needed.update(op.inputs)
            kept.append(op)
    graph.operators = kept[::-1]
