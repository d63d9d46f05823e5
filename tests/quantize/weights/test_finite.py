from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from ai_edge_litert.tools import flatbuffer_utils
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgeseg import quantize
from edgeseg.core.container import write_facts
from edgeseg.core.errors import QuantizeError
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Artifact, Precision
from edgeseg.quantize.packing import packed
from edgeseg.quantize.precisions import PRECISIONS, kind_of
from edgeseg.quantize.tflite_passes.edit import Editor, Op
from edgeseg.quantize.weights.finite import check_finite
from edgeseg.quantize.weights.finite_onnx import weights_of
from edgeseg.quantize.weights.finite_tflite import read_whole
from tests.quantize.nets import OnnxNet, artifact, calibration

NAMES = {"onnx": "gate.bias of Conv gate", "tflite": r"\S+ of CONV_2D \S+"}


def spoilt(source: Artifact, path: Path, value: float) -> Artifact:
    """With one weight of another value."""

    def spoil(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.where(np.arange(values.size).reshape(values.shape) == values.size // 2, np.float32(value), values)

    if source.facts.format == "onnx":
        model = onnx.load(source.path)
        tensor = next(tensor for tensor in model.graph.initializer if tensor.name == "gate.bias")
        tensor.CopyFrom(numpy_helper.from_array(spoil(numpy_helper.to_array(tensor)), tensor.name))
        onnx.save(model, path)
    else:
        tflite = flatbuffer_utils.read_model(str(source.path))
        edit = Editor(tflite)
        kernel = edit.operators(Op.CONV_2D)[1].inputs[1]
        values = edit.constant(kernel)
        assert values is not None
        content = np.frombuffer(spoil(values).tobytes(), np.uint8)
        tflite.buffers[edit.tensor(kernel).buffer].data = content
        path.write_bytes(packed(tflite))
    write_facts(path, source.facts)
    return Artifact(path, source.facts)


@pytest.mark.parametrize(("value", "kind"), [(np.nan, "NaN"), (-np.inf, "infinity")])
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_damaged_weights_are_named(
    folder: Path, tmp_path: Path, format: str, precision: Precision, value: float, kind: str
) -> None:
    source = spoilt(artifact(folder, format), tmp_path / f"damaged.{format}", value)
    recipe, path = Recipe(precision=precision), tmp_path / f"made.{format}"
    with pytest.raises(QuantizeError, match=rf"damaged\.{format}: tensor {NAMES[format]} holds {kind}; the weights"):
        if kind_of(recipe).calibrated:
            quantize.quantizer(source.facts.format)(source, recipe, calibration(source), path)
        else:
            quantize.convert(source, recipe, path)
    assert not path.exists()


def as_node(model: onnx.ModelProto) -> None:
    """The weights a node's, turned around."""
    tensor = model.graph.initializer.pop(0)
    model.graph.node.insert(0, helper.make_node("Constant", [], ["held"], value=tensor))
    model.graph.node.insert(1, helper.make_node("Transpose", ["held"], [tensor.name], perm=[1, 0, 2, 3]))


@pytest.mark.parametrize("change", [lambda model: None, as_node])
def test_constants_of_all_kinds(change: Callable[[onnx.ModelProto], None]) -> None:
    net = OnnxNet()
    net.conv("image", "scores", 3, 3)
    net.weights[0].CopyFrom(numpy_helper.from_array(np.full((3, 3, 3, 3), np.nan, np.float32), "scores.weight"))
    value = helper.make_tensor_value_info
    ends = [[value(name, TensorProto.FLOAT, [1, 3, 8, 8])] for name in ("image", "scores")]
    model = helper.make_model(helper.make_graph(net.nodes, "net", *ends, net.weights))
    change(model)
    with pytest.raises(QuantizeError, match="holds NaN"):
        check_finite(weights_of(model), Path("net.onnx"))


def test_infinity_that_is_no_weight() -> None:
    net = OnnxNet()
    limits = [net.constant(name, np.array(end, np.float32)) for name, end in (("low", 0), ("high", np.inf))]
    clipped = net.add("Clip", [net.conv("image", "stem", 3, 3), *limits], "clipped")
    net.add("Add", [clipped, net.constant("mask", np.full((8, 8), -np.inf, np.float32))], "scores")
    model = helper.make_model(helper.make_graph(net.nodes, "net", [], [], net.weights))
    assert [each.name for each in weights_of(model)] == ["stem.weight", "stem.bias"]
    check_finite(weights_of(model), Path("net.onnx"))


def test_a_tflite_file_with_infinity_in_an_addition(folder: Path, tmp_path: Path) -> None:
    source = artifact(folder, "tflite")
    model = flatbuffer_utils.read_model(str(source.path))
    edit = Editor(model)
    constants = [i for op in edit.operators(Op.ADD, Op.MUL) for i in op.inputs if edit.constant(i) is not None]
    assert constants
    for index in constants:
        content = np.full(edit.shape(index), -np.inf, np.float32)
        model.buffers[edit.tensor(index).buffer].data = np.frombuffer(content.tobytes(), np.uint8)
    path = tmp_path / "masked.tflite"
    path.write_bytes(packed(model))
    read_whole(path)
