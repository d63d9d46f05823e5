from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
from onnx import numpy_helper

from edgeseg import quantize
from edgeseg.core.protocols import Recipe
from edgeseg.quantize.ranges.concatenations import joined_ranges
from tests.quantize.nets import OnnxNet, artifact, calibration
from tests.quantize.test_passes import model_of


def test_what_only_a_concatenation_reads_has_its_range() -> None:
    def build(net: OnnxNet) -> str:
        a = net.conv("image", "a", 3, 4)
        pooled = net.add("MaxPool", [net.conv("image", "b", 3, 4)], "pooled", kernel_shape=[1, 1])
        moved = net.add("DepthToSpace", [net.conv("image", "f", 3, 16, stride=2)], "moved", blocksize=2)
        both = net.add("Concat", [a, pooled, moved, "image"], "both", axis=1)
        relu = net.add("Relu", [net.conv("image", "c", 3, 4)], "relu")
        again = net.conv("image", "d", 3, 4)
        whole = net.add("Concat", [both, relu, again], "whole", axis=1)
        return net.add("Add", [net.conv(whole, "e", 23, 4), again], "out")

    names = ("image", "a", "b", "pooled", "f", "moved", "both", "c", "relu", "d", "whole", "e", "out")
    ranges = {name: (-float(i), float(i)) for i, name in enumerate(names, 1)}
    joined = joined_ranges(model_of(build), ranges)
    changed = {name for name in names if joined[name] != ranges[name]}
    assert changed == {"a", "b", "pooled", "f", "moved", "both"}
    assert {joined[name] for name in changed} == {ranges["whole"]}
    ranges["whole"] = 0.0, 9.0
    assert joined_ranges(model_of(build), ranges)["relu"] == (0.0, 9.0)


def test_integers_are_copied(folder: Path, tmp_path: Path) -> None:
    source = artifact(folder, "onnx")
    model, net = onnx.load(source.path), OnnxNet()
    resize = next(node for node in model.graph.node if node.op_type == "Resize")
    net.conv(resize.input[0], "before", 16, 16)
    resize.input[0] = "before"
    model.graph.node.insert(list(model.graph.node).index(resize), net.nodes[0])
    model.graph.initializer.extend(net.weights)
    changed: Any = type(source)(tmp_path / "changed.onnx", source.facts)
    onnx.save(model, changed.path)
    int8 = quantize.quantizer("onnx")(changed, Recipe(), calibration(changed), tmp_path / "int8.onnx")
    nodes = onnx.load(int8.path).graph.node
    writers = {name: node for node in nodes for name in node.output}
    join = next(node for node in nodes if node.op_type == "Concat")
    end = next(node for node in nodes if join.output[0] in node.input)
    scales = {node.input[1] for node in (end, writers[join.input[1]])}
    constants = {each.name: numpy_helper.to_array(each) for each in onnx.load(int8.path).graph.initializer}
    assert len({float(constants[name]) for name in scales}) == 1
