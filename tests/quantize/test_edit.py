"""The editor of ONNX graphs: what it tells of a graph that it changes."""

from __future__ import annotations

import time

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgeseg.quantize.passes.edit import Editor

_MANY = 4000


def _chain(*kinds: str) -> onnx.ModelProto:
    """Operators of one input each, over t0, t1 and so on; the last tensor is the output."""
    nodes = [helper.make_node(kind, [f"t{i}"], [f"t{i + 1}"], f"n{i}") for i, kind in enumerate(kinds)]
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3]) for name in ("t0", f"t{len(kinds)}")]
    constant = numpy_helper.from_array(np.zeros(2, np.float32), "weight")
    return helper.make_model(helper.make_graph(nodes, "chain", ends[:1], ends[1:], [constant]))


def _kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def test_a_tensor_has_one_writer_and_readers_in_order() -> None:
    model = _chain("Relu", "Neg", "Abs")
    model.graph.node.append(helper.make_node("Mul", ["t1", "t1"], ["square"]))
    edit = Editor(model)
    writer = edit.writer("t1")
    assert writer is not None and writer.op_type == "Relu"
    assert edit.writer("t0") is None
    assert [node.op_type for node in edit.readers("t1")] == ["Neg", "Mul"]
    assert edit.is_output("t3") and not edit.unread("t3")
    assert edit.unread("square")


def test_the_only_reader_reads_once_what_is_no_output() -> None:
    model = _chain("Relu", "Neg")
    model.graph.node.append(helper.make_node("Mul", ["t0", "t0"], ["square"]))
    model.graph.node.append(helper.make_node("Mul", ["square", "square"], ["fourth"]))
    edit = Editor(model)
    reader = edit.only_reader("t1")
    assert reader is not None and reader.op_type == "Neg"
    assert [edit.only_reader(name) for name in ("t0", "square", "t2")] == [None] * 3
    assert edit.only_writer("t1") is not None and edit.only_writer("square") is None


def test_whatever_changes_a_node_is_seen_at_once() -> None:
    model = _chain("Relu", "Neg", "Abs")
    edit, (relu, neg, last) = Editor(model), list(model.graph.node)
    edit.replace(neg, neg, helper.make_node("Exp", ["t2"], ["exp"]))
    assert [node.op_type for node in edit.readers("t2")] == ["Exp", "Abs"]
    edit.rename("t2", "exp", last)
    assert edit.only_reader("exp") == last
    edit.become(neg, helper.make_node("Sin", ["t1"], ["t2"], "n1"))
    assert edit.only_reader("t1") == neg and neg.op_type == "Sin"
    edit.put_first(helper.make_node("Cos", ["t0"], ["first"]))
    edit.put_last(helper.make_node("Tan", ["first"], ["behind"]))
    assert edit.only_reader("first") is not None
    edit.remove(relu)
    assert edit.writer("t1") is None
    assert _kinds(model) == ["Cos", "Sin", "Exp", "Abs", "Tan"]


def test_a_node_gives_way_to_others() -> None:
    model = _chain("Relu", "Neg")
    edit = Editor(model)
    steps = [helper.make_node("Exp", ["t0"], ["exp"]), helper.make_node("Log", ["exp"], ["t1"])]
    edit.replace(model.graph.node[0], *steps)
    assert _kinds(model) == ["Exp", "Log", "Neg"]


def test_a_bypassed_node_leaves_its_output_to_what_it_read() -> None:
    model = _chain("Relu", "Neg")
    Editor(model).bypass(model.graph.node[1])
    assert [(node.op_type, list(node.output)) for node in model.graph.node] == [("Relu", ["t2"])]


def test_only_what_nothing_reads_is_removed() -> None:
    model = _chain("Relu", "Neg")
    model.graph.node.extend([helper.make_node("Exp", ["t0"], ["a"]), helper.make_node("Exp", ["a"], ["b"])])
    Editor(model).remove_unread(*model.graph.node)
    assert _kinds(model) == ["Relu", "Neg", "Exp"]


def test_constants_are_named_apart() -> None:
    model = _chain("Relu")
    model.graph.node.append(helper.make_node("Neg", ["t0"], ["weight_1"]))
    edit = Editor(model)
    names = [edit.add_constant("weight", np.full(1, i, np.float32)) for i in range(3)]
    assert names == ["weight_0", "weight_2", "weight_3"]
    assert edit.is_constant("weight_2") and not edit.is_constant("weight_1")
    value = edit.constant("weight_3")
    assert value is not None and value.item() == 2


def test_attributes_and_shapes_are_dropped_by_name() -> None:
    model = _chain("Relu", "Softmax")
    model.graph.value_info.append(helper.make_tensor_value_info("t1", onnx.TensorProto.FLOAT, [1, 3]))
    node = model.graph.node[1]
    node.attribute.append(helper.make_attribute("axis", 1))
    edit = Editor(model)
    edit.drop_attributes(node, "axis", "none")
    edit.forget("t1")
    assert not node.attribute and not model.graph.value_info
    assert edit.shape("t1") == (1, 3)


@pytest.mark.parametrize("what", ["look-ups", "constants"])
def test_a_large_graph_takes_no_longer_for_each(what: str) -> None:
    edit = Editor(_chain(*["Relu"] * _MANY))
    start = time.perf_counter()
    for i in range(1, _MANY):
        if what == "constants":
            edit.add_constant("value", np.zeros(1, np.float32))
        else:
            assert edit.only_writer(f"t{i}") is not None
    assert time.perf_counter() - start < 5
