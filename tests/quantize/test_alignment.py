from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.shape_inference import infer_shapes

from edgeseg.quantize.passes.alignment import align_channels
from tests.quantize.nets import OnnxNet
from tests.quantize.test_passes import Build, model_of, run


def depthwise(net: OnnxNet) -> str:
    wide = net.add("Relu", [net.conv("image", "wide", 3, 24, 1)], "relu")
    return net.conv(net.conv(wide, "depthwise", 24, 24, group=24), "out", 24, 5, 1)


def everything_on_channels(net: OnnxNet) -> str:
    x = net.conv(net.conv("image", "first", 3, 20, 1), "depthwise", 20, 20, group=20)
    slopes, shifts = (net.random.normal(size=(20, 1, 1)).astype(np.float32) for _ in range(2))
    x = net.add("PRelu", [x, net.constant("slopes", slopes)], "prelu")
    x = net.add("Add", [net.constant("shifts", shifts[None]), x], "shifted")
    gate = net.add("Sigmoid", [net.conv(net.add("GlobalAveragePool", [x], "mean"), "squeeze", 20, 20, 1)], "gate")
    x = net.add("Mul", [x, gate], "gated")
    sizes = net.constant("sizes", np.array([1, 20, 3, 4]))
    x = net.add("Resize", [x, "", "", sizes], "smaller", mode="nearest")
    bounds = [net.constant(name, np.array([value])) for name, value in (("start", 1), ("end", 3), ("axis", 2))]
    x = net.add("Slice", [x, *bounds], "cut")
    plane = net.conv(x, "plane", 20, 1, 1)
    return net.conv(net.add("Mul", [x, plane], "weighted"), "out", 20, 5, 1)


def side_by_side(net: OnnxNet) -> str:
    left, right = net.conv("image", "a", 3, 12, 1), net.conv("image", "b", 3, 20, 1)
    for i in range(4):
        left, right = net.conv(left, f"left_{i}", 12, 12, group=12), net.conv(right, f"right_{i}", 20, 20, group=20)
    both = net.add("Concat", [left, right], "both", axis=1)
    net.nodes.append(
        helper.make_node("Split", [both, net.constant("sizes", np.array([12, 20]))], ["one", "other"], axis=1)
    )
    joined = net.add("Concat", ["one", "other"], "joined", axis=1)
    return net.conv(net.add("Add", [joined, net.conv("image", "c", 3, 32, 1)], "sum"), "out", 32, 5, 1)


def clashing(net: OnnxNet) -> str:
    parts = {name: net.conv(net.conv("image", f"{name}_in", 3, n, 1), name, n, n, group=n) for name, n in SIZES.items()}
    one = net.add("Concat", [parts["a"], parts["b"]], "one", axis=1)
    other = net.add("Concat", [parts["c"], parts["d"]], "other", axis=1)
    return net.conv(net.add("Add", [one, other], "sum"), "out", 36, 5, 1)


SIZES = {"a": 12, "b": 24, "c": 24, "d": 12}


def flat(net: OnnxNet) -> str:
    x = net.conv(net.conv("image", "wide", 3, 24, 1), "depthwise", 24, 24, group=24)
    return net.add("Flatten", [x], "out")


def grouped(net: OnnxNet) -> str:
    x = net.conv(net.conv("image", "wide", 3, 24, 1), "depthwise", 24, 24, group=24)
    return net.conv(net.conv(x, "grouped", 24, 24, group=2), "out", 24, 5, 1)


def dense(net: OnnxNet) -> str:
    return net.conv(net.conv(net.conv("image", "first", 3, 7), "second", 7, 13), "out", 13, 5)


def narrow(net: OnnxNet) -> str:
    return net.conv(net.conv(net.conv("image", "first", 3, 6), "second", 6, 4), "out", 4, 20)


def narrow_between_sums(net: OnnxNet) -> str:
    x = net.conv("image", "first", 3, 4, 1)
    for i in range(8):
        x = net.add("Add", [x, net.add("Sigmoid", [x], f"gate_{i}")], f"sum_{i}")
    return net.conv(x, "out", 4, 16, 1)


@pytest.mark.parametrize(
    ("build", "channels"),
    [
        (depthwise, {"relu": 32, "depthwise": 32, "out": 5}),
        (everything_on_channels, {"depthwise": 32, "gate": 32, "smaller": 32, "weighted": 32, "plane": 1, "out": 5}),
        (side_by_side, {"left_3": 16, "right_3": 32, "both": 48, "one": 16, "other": 32, "sum": 48, "out": 5}),
        (clashing, {"a": 12, "b": 24, "c": 24, "d": 12, "sum": 36}),
        (flat, {"wide": 24, "depthwise": 24}),
        (grouped, {"depthwise": 24, "grouped": 24}),
        (dense, {"first": 8, "second": 16, "out": 5}),
        (narrow, {"first": 8, "second": 16, "out": 20}),
        (narrow_between_sums, {"first": 4, "gate_7": 4, "sum_7": 4, "out": 16}),
    ],
)
def test_channels_are_filled_up_where_they_can_be(build: Build, channels: dict[str, int]) -> None:
    model = model_of(build)
    expected = run(model)
    before = len(model.graph.node)
    filled = align_channels(model)
    assert (filled > 0) == (build not in (clashing, flat, grouped, narrow_between_sums))
    assert len(model.graph.node) == before
    assert run(model) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert {name: count for name, count in counts(model).items() if name in channels} == channels


def counts(model: onnx.ModelProto) -> dict[str, int]:
    """Channels of every map."""
    graph = infer_shapes(model).graph
    values = [value for value in (*graph.value_info, *graph.output) if len(value.type.tensor_type.shape.dim) == 4]
    return {value.name: value.type.tensor_type.shape.dim[1].dim_value for value in values}
