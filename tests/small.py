"""Small foreign ONNX files that take as much time as is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["small_onnx"]

CLASSES = 19


def small_onnx(
    path: Path,
    layers: int = 2,
    height: int = 32,
    width: int = 64,
    channels: int = 16,
    side: int = 3,
    behind: str | None = None,
    batch: int = 1,
) -> Path:
    """A stack of convolutions at the input's size, `behind` each an operator, ending in scores of 19 classes."""
    random = np.random.default_rng(0)
    nodes, weights, last, depth = [], [], "image", 3
    for layer in range(layers + 1):
        out = CLASSES if layer == layers else channels
        kernel = random.normal(0, 0.1, (out, depth, side, side)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"kernel{layer}"))
        nodes.append(helper.make_node("Conv", [last, f"kernel{layer}"], [f"conv{layer}"], pads=[side // 2] * 4))
        last, depth = f"conv{layer}", out
        if behind and layer < layers:
            nodes.append(helper.make_node(behind, [last], [f"behind{layer}"]))
            last = f"behind{layer}"
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, height, width])
    scores = helper.make_tensor_value_info(last, TensorProto.FLOAT, [batch, CLASSES, height, width])
    graph = helper.make_graph(nodes, "small", [image], [scores], weights)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
