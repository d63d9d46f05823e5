"""Products with a number, in a quantized ONNX file: the same integers in another scale, so that nothing is computed.

Most are the sixth in HardSwish and HardSigmoid.
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from edgeseg.quantize.integers_onnx.scales import alike
from edgeseg.quantize.passes.edit import Editor

__all__ = ["scaled_ranges", "take_scalings_out"]


def scaled_ranges(model: onnx.ModelProto, ranges: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Ranges of a float model's tensors, that of a product with a positive number being a multiple of its factor's."""
    edit, scaled = Editor(model), dict(ranges)
    for node in model.graph.node:
        found = _factor(edit, node)
        if found is not None and found[0] in scaled and node.output[0] in scaled:
            given, factor = found
            low, high = scaled[given]
            scaled[node.output[0]] = factor * low, factor * high
    return scaled


def take_scalings_out(model: onnx.ModelProto, quantized: onnx.ModelProto) -> None:
    """Let, in place, what reads such a product read the integers that it was made of.

    Args:
        model: The float model.
        quantized: What was made of it with ranges of `scaled_ranges`.
    """
    names, edit, graph = Editor(model), Editor(quantized), quantized.graph
    factors = {node.output[0]: found[1] for node in model.graph.node if (found := _factor(names, node)) is not None}
    for node in [node for node in graph.node if node.op_type == "Mul" and node.output[0] in factors]:
        starts = [start for name in node.input if (start := edit.writer(name)) is not None]
        integers = [start for start in starts if not edit.is_constant(start.input[0])]
        end = edit.only_reader(node.output[0])
        if len(integers) != 1 or end is None or edit.is_output(end.output[0]):
            continue
        start = integers[0]
        kinds = start.op_type, end.op_type
        if kinds != ("DequantizeLinear", "QuantizeLinear") or not alike(edit, start, end, factors[node.output[0]]):
            continue
        edit.remove(end, node)
        edit.rename(end.output[0], start.input[0])
        edit.remove_unread(*starts)


def _factor(edit: Editor, node: onnx.NodeProto) -> tuple[str, float] | None:
    """What a product multiplies, and the positive number by which it does."""
    if node.op_type != "Mul":
        return None
    for given, by in (node.input, reversed(node.input)):
        value = edit.constant(by)
        if value is not None and value.size == 1 and value.item() > 0 and not edit.is_constant(given):
            return given, float(value.item())
    return None
