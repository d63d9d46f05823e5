from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
from onnx import helper, numpy_helper

from edgeseg import quantize
from edgeseg.core.protocols import Recipe
from edgeseg.quantize.ranges.concatenations import joined_ranges
from tests.quantize.nets import OnnxNet, artifact, calibration
from tests.quantize.test_passes import model_of


def test_parts_have_the_range_of_the_whole_if_nothing_else_reads_them_or_it_is_about_theirs() -> None:
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
    assert changed == {"a", "b", "pooled", "f", "moved", "both", "d"}
    assert {joined[name] for name in changed} == {ranges["whole"]}
    for ends in ((-5.0, 5.0), (-14.0, 12.0)):
        assert joined_ranges(model_of(build), ranges | {"d": ends})["d"] == ends
    ranges["whole"] = 0.0, 9.0
    assert joined_ranges(model_of(build), ranges)["relu"] == (0.0, 9.0)


def test_what_carries_a_part_has_its_range_too() -> None:
    def build(net: OnnxNet) -> str:
        net.nodes.append(helper.make_node("Split", [net.conv("image", "a", 3, 8)], ["b", "c"], axis=1, num_outputs=2))
        return net.conv(net.add("Concat", [net.conv("c", "d", 4, 4), "b"], "whole", axis=1), "out", 8, 4)

    ranges = dict.fromkeys(("image", "a", "b", "c", "d", "out"), (-1.0, 1.0)) | {"whole": (-1.2, 1.2)}
    joined = joined_ranges(model_of(build), ranges)
    assert {name for name, ends in joined.items() if ends == (-1.2, 1.2)} == {"a", "b", "d", "whole"}
    joined = joined_ranges(model_of(build), ranges | {"whole": (-2.0, 2.0)})
    assert {name for name, ends in joined.items() if ends == (-2.0, 2.0)} == {"b", "d", "whole"}


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
