"""A TFLite model with its first function and that one's first output alone, which are used."""

from __future__ import annotations

from typing import Any

__all__ = ["keep_first_output", "keep_first_signature"]


def keep_first_signature(model: Any) -> None:
    """Leave out, in place, all subgraphs but the first, unless an operator runs them: they are other functions."""
    operators = [op for graph in model.subgraphs for op in graph.operators]
    options = [each for op in operators for each in (op.builtinOptions, getattr(op, "builtinOptions2", None)) if each]
    if any("subgraph" in name.lower() for each in options for name in vars(each)):
        return
    del model.subgraphs[1:]
    model.signatureDefs = [each for each in model.signatureDefs or () if each.subgraphIndex == 0]


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
