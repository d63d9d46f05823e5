from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edgeseg import quantize
from edgeseg.core.protocols import Recipe
from edgeseg.quantize.integers_onnx.scalings import scaled_ranges
from tests.quantize.nets import OnnxNet, artifact, calibration
from tests.quantize.test_passes import model_of
from tests.quantize.test_quantizers import outputs


def number(net: OnnxNet, name: str, value: float) -> str:
    return net.constant(name, np.array(value, np.float32))


def hard_swish(net: OnnxNet, x: str, name: str) -> str:
    """As converters write it."""
    shifted = net.add("Add", [x, number(net, f"{name}_3", 3)], f"{name}_shifted")
    limits = [number(net, f"{name}_{limit}", limit) for limit in (0, 6)]
    gate = net.add("Clip", [shifted, *limits], f"{name}_clipped")
    gate = net.add("Mul", [number(net, f"{name}_sixth", 1 / 6), gate], f"{name}_gate")
    return net.add("Mul", [x, gate], name)


def test_a_product_has_so_many_times_the_range() -> None:
    def build(net: OnnxNet) -> str:
        half = net.add("Mul", ["image", number(net, "half", 0.5)], "halved")
        turned = net.add("Mul", [half, number(net, "minus", -2)], "turned")
        return net.add("Mul", [turned, half], "out")

    ranges = {"image": (-1.0, 3.0), "halved": (0.0, 0.1), "turned": (-1.0, 1.0), "out": (-5.0, 5.0)}
    assert scaled_ranges(model_of(build), ranges) == {**ranges, "halved": (-0.5, 1.5)}


def test_nothing_multiplies_by_a_number(folder: Path, tmp_path: Path) -> None:
    source = artifact(folder, "onnx")
    model, net = onnx.load(source.path), OnnxNet()
    replaced = next(node for node in model.graph.node if node.op_type == "Relu")
    hard_swish(net, replaced.input[0], replaced.output[0])
    place = list(model.graph.node).index(replaced)
    model.graph.node.remove(replaced)
    for i, node in enumerate(net.nodes):
        model.graph.node.insert(place + i, node)
    model.graph.initializer.extend(net.weights)
    path = tmp_path / "swish.onnx"
    onnx.save(model, path)
    changed: Any = type(source)(path, source.facts)
    int8 = quantize.quantizer("onnx")(changed, Recipe(), calibration(changed), tmp_path / "swish_int8.onnx")
    before = sum(node.op_type == "Mul" for node in model.graph.node)
    after = [node for node in onnx.load(int8.path).graph.node if node.op_type == "Mul"]
    assert len(after) == before - 1
    expected, actual = outputs(changed), outputs(int8)
    assert np.abs(actual - expected).mean() == pytest.approx(0, abs=0.05 * float(expected.std()))
