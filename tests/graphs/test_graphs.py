from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils
from onnx import TensorProto, helper, numpy_helper

from edgeseg.core.errors import InputError
from edgeseg.core.graph import Tensor
from edgeseg.graphs import read_graph


def weight(name: str, *shape: int) -> onnx.TensorProto:
    values = np.ones(shape, np.float32) if len(shape) == 1 else np.random.default_rng(0).random(shape, np.float32)
    return numpy_helper.from_array(values, name)


@pytest.fixture
def onnx_file(tmp_path: Path) -> Path:
    constant = helper.make_node("Constant", [], ["six"], value=numpy_helper.from_array(np.float32(6)))
    nodes = [
        helper.make_node("Conv", ["image", "w", "b"], ["c"], "conv", group=3, kernel_shape=[3, 3], pads=[1] * 4),
        constant,
        helper.make_node("Clip", ["c", "", "six"], ["d"], "relu6"),
        helper.make_node("BatchNormalization", ["d", "scale", "b", "mean", "var"], ["e"], "bn"),
        helper.make_node("Resize", ["e", "", "scales"], ["f"], "up"),
        helper.make_node("Conv", ["f", "w2"], ["out"], "last", dilations=[1, 1]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 8, 12])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    weights = [weight("w", 6, 1, 3, 3), *(weight(name, 6) for name in ("b", "scale", "mean", "var"))]
    weights += [weight("scales", 4), weight("w2", 5, 6, 1, 1)]
    path = tmp_path / "net.onnx"
    graph = helper.make_graph(nodes, "net", [image], [out], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    return path


def tflite_model() -> Any:
    """One depthwise convolution with a bias, a padding and an operator of one's own."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
    graph.tensors, graph.operators, model.operatorCodes = [], [], []

    def tensor(name: str, shape: list[int], kind: int = schema.TensorType.FLOAT32, data: Any = None) -> int:
        new = schema.TensorT()
        new.name, new.shape, new.type = name, shape, kind
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.asarray(data).tobytes(), np.uint8)
            model.buffers.append(buffer)
            new.buffer = len(model.buffers) - 1
        graph.tensors.append(new)
        return len(graph.tensors) - 1

    def operator(code: int, inputs: list[int], output: int, options: Any = None, kind: int = 0) -> None:
        new, entry = schema.OperatorT(), schema.OperatorCodeT()
        entry.builtinCode, entry.deprecatedBuiltinCode = code, min(code, 127)
        entry.customCode = "Mine" if code == schema.BuiltinOperator.CUSTOM else None
        model.operatorCodes.append(entry)
        new.opcodeIndex = len(model.operatorCodes) - 1
        new.inputs, new.outputs, new.builtinOptions, new.builtinOptionsType = inputs, [output], options, kind
        graph.operators.append(new)

    ops, int32 = schema.BuiltinOperator, schema.TensorType.INT32
    image = tensor("image", [1, 8, 12, 3])
    graph.tensors[image].shapeSignature = [-1, 8, 12, 3]
    pads = tensor("pads", [4, 2], int32, np.zeros((4, 2), np.int32))
    padded = tensor("padded", [1, 10, 14, 3])
    operator(ops.PAD, [image, pads], padded)
    kernel = tensor("kernel", [1, 3, 3, 6], data=np.arange(54, dtype=np.float32))
    bias = tensor("bias", [6], int32, np.ones(6, np.int32))
    options = schema.DepthwiseConv2DOptionsT()
    options.depthMultiplier, options.strideH, options.strideW = 2, 1, 1
    depthwise = tensor("depthwise", [1, 8, 12, 6])
    operator(
        ops.DEPTHWISE_CONV_2D,
        [padded, kernel, bias],
        depthwise,
        options,
        schema.BuiltinOptions.DepthwiseConv2DOptions,
    )
    out = tensor("out", [1, 8, 12, 6])
    operator(ops.CUSTOM, [depthwise, -1], out)
    graph.inputs, graph.outputs = [image], [out]
    return model


@pytest.fixture
def tflite_file(tmp_path: Path) -> Path:
    path = tmp_path / "net.tflite"
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(tflite_model()))
    return path


def test_onnx_operators_shapes_and_parameters(onnx_file: Path) -> None:
    graph = read_graph(onnx_file)
    assert [(node.op, node.name) for node in graph.nodes] == [
        ("Conv", "conv"),
        ("Clip", "relu6"),
        ("BatchNormalization", "bn"),
        ("Resize", "up"),
        ("Conv", "last"),
    ]
    conv, clip, *_, last = graph.nodes
    assert conv.attributes == {"group": 3}
    assert conv.inputs == (
        Tensor("image", (-1, 3, 8, 12), "float32"),
        Tensor("w", (6, 1, 3, 3), "float32", constant=True),
        Tensor("b", (6,), "float32", constant=True),
    )
    assert conv.outputs == (Tensor("c", (-1, 6, 8, 12), "float32"),)
    assert clip.inputs[1:] == (Tensor("", (), ""), Tensor("six", (), "float32", constant=True))
    assert last.outputs == graph.outputs == (Tensor("out", (-1, 5, 8, 12), "float32"),)
    assert graph.inputs == conv.inputs[:1]
    assert graph.params == 6 * 9 + 6 + 6 + 5 * 6


def test_kernels_are_read_wherever_they_lie(onnx_file: Path) -> None:
    model = onnx.load(onnx_file)
    kernels = np.zeros((6, 1, 3, 3), np.float32)
    kernels[:, :, 1, 1] = 1
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(kernels, "w"))
    model.graph.initializer[-1].CopyFrom(numpy_helper.from_array(np.full((5, 6, 1, 1), 0.5, np.float32), "w2"))
    onnx.save(model, onnx_file)
    inside = read_graph(onnx_file)
    assert inside.nodes[0].inputs[1] == Tensor("w", (6, 1, 3, 3), "float32", True, blank_taps=6 * 8)
    assert inside.nodes[-1].inputs[1] == Tensor("w2", (5, 6, 1, 1), "float32", True, uniform=0.5)

    constant = helper.make_node("Constant", [], ["w2"], value=model.graph.initializer.pop())
    model.graph.node.insert(0, constant)
    onnx.save(model, onnx_file)
    assert read_graph(onnx_file) == inside

    beside = onnx_file.with_name("weights.bin")
    onnx.save(model, onnx_file, save_as_external_data=True, location=beside.name, size_threshold=100)
    assert read_graph(onnx_file) == inside
    beside.write_bytes(beside.read_bytes()[:100])
    assert read_graph(onnx_file).nodes[0].inputs[1] == Tensor("w", (6, 1, 3, 3), "float32", True)
    beside.unlink()
    with pytest.raises(InputError, match=r"net\.onnx: its weights are not here; expected them in .*weights\.bin"):
        read_graph(onnx_file)


def test_local_functions_are_looked_into(onnx_file: Path) -> None:
    model = onnx.load(onnx_file)
    relu = helper.make_node("Relu", ["x"], ["y"])
    opset = helper.make_opsetid("", 18)
    model.functions.append(helper.make_function("mine", "Activate", ["x"], ["y"], [relu], [opset]))
    model.opset_import.append(helper.make_opsetid("mine", 1))
    model.graph.node[2].CopyFrom(helper.make_node("Activate", ["c"], ["d"], domain="mine"))
    onnx.save(model, onnx_file)
    graph = read_graph(onnx_file)
    assert graph.nodes[1].op == "Relu"
    assert graph.outputs[0].shape == (-1, 5, 8, 12)


def edited(height: int | str, *, op: str = "Relu") -> onnx.ModelProto:
    """Of 16 rows, with its shapes stored, then made for another height at its input alone; `op` is its second one."""
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["c"], pads=[1] * 4),
        helper.make_node(op, ["c"], ["d"], domain="" if op == "Relu" else "com.microsoft"),
        helper.make_node("Conv", ["d", "w"], ["e"], pads=[1] * 4),
        helper.make_node(op, ["e"], ["out"], domain="" if op == "Relu" else "com.microsoft"),
    ]
    sides = [1, 3, 16, 8]
    values = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name in ("image", "d", "out")}
    graph = helper.make_graph(nodes, "net", [values["image"]], [values["out"]], [weight("w", 3, 3, 3, 3)])
    graph.value_info.append(values["d"])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    model = onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=opsets))
    side = model.graph.input[0].type.tensor_type.shape.dim[2]
    if isinstance(height, int):
        side.dim_value = height
    else:
        side.dim_param = height
    return model


@pytest.mark.parametrize(("height", "known"), [(4, 4), ("height", -1)])
def test_shapes_follow_from_the_input_of_an_edited_file(tmp_path: Path, height: int | str, known: int) -> None:
    model = edited(height)
    onnx.save(model, tmp_path / "net.onnx")
    graph = read_graph(tmp_path / "net.onnx")
    assert [node.outputs[0].shape for node in graph.nodes] == [(1, 3, known, 8)] * 4
    model.graph.output[0].type.tensor_type.shape.dim[2].dim_value = 4
    onnx.save(model, tmp_path / "net.onnx")
    assert read_graph(tmp_path / "net.onnx").nodes == graph.nodes


def test_shapes_behind_an_unknown_operator_are_those_stored(tmp_path: Path) -> None:
    onnx.save(edited(16, op="Gelu"), tmp_path / "net.onnx")
    graph = read_graph(tmp_path / "net.onnx")
    assert [node.outputs[0].shape for node in graph.nodes] == [(1, 3, 16, 8)] * 4
    assert [node.domain for node in graph.nodes] == ["", "com.microsoft"] * 2
    onnx.save(edited(4, op="Gelu"), tmp_path / "net.onnx")
    graph = read_graph(tmp_path / "net.onnx")
    assert [node.outputs[0].shape for node in graph.nodes] == [(1, 3, 4, 8), (), (), ()]


def test_tflite_operators_shapes_and_parameters(tflite_file: Path) -> None:
    graph = read_graph(tflite_file)
    assert [node.op for node in graph.nodes] == ["PAD", "DEPTHWISE_CONV_2D", "CUSTOM:Mine"]
    pad, depthwise, mine = graph.nodes
    assert pad.inputs == (Tensor("image", (-1, 8, 12, 3), "float32"), Tensor("pads", (4, 2), "int32", constant=True))
    assert depthwise.inputs[1] == Tensor("kernel", (1, 3, 3, 6), "float32", constant=True)
    assert depthwise.attributes["depthMultiplier"] == 2
    assert [node.domain for node in graph.nodes] == ["", "", "custom"]
    assert mine.inputs == (Tensor("depthwise", (1, 8, 12, 6), "float32"), Tensor("", (), ""))
    assert (graph.inputs, graph.outputs) == (pad.inputs[:1], mine.outputs)
    assert graph.params == 3 * 3 * 6 + 6


def test_older_files_have_their_weights_in_uint8(tmp_path: Path) -> None:
    model = tflite_model()
    kernel = next(tensor for tensor in model.subgraphs[0].tensors if tensor.name == "kernel")
    kernel.type = schema.TensorType.UINT8
    model.buffers[kernel.buffer].data = np.ones(3 * 3 * 6, np.uint8)
    path = tmp_path / "old.tflite"
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    assert read_graph(path).params == 3 * 3 * 6 + 6


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_damaged_files_are_refused_by_name(request: pytest.FixtureRequest, format: str) -> None:
    path: Path = request.getfixturevalue(f"{format}_file")
    whole = path.read_bytes()
    for length in (0, 3, len(whole) // 3, len(whole) // 2, len(whole) - len(whole) // 10):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=rf"net\.{format}: "):
            read_graph(path)
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(InputError, match=rf"net\.{format}: not a"):
        read_graph(path)


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_scrambled_files_never_fail_in_another_way(request: pytest.FixtureRequest, format: str) -> None:
    path: Path = request.getfixturevalue(f"{format}_file")
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(200):
        content = np.frombuffer(whole, np.uint8).copy()
        content[random.integers(content.size, size=6)] = random.integers(256, size=6)
        path.write_bytes(content.tobytes())
        try:
            read_graph(path)
        except InputError as error:
            assert path.name in str(error)


@pytest.mark.parametrize("name", ["missing.onnx", "missing.tflite"])
def test_missing_files(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: No such file"):
        read_graph(tmp_path / name)


def test_other_suffixes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"net\.pt: not a model file"):
        read_graph(tmp_path / "net.pt")


def test_a_file_without_operators(tmp_path: Path) -> None:
    model = tflite_model()
    model.subgraphs[0].operators = []
    path = tmp_path / "empty.tflite"
    path.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    with pytest.raises(InputError, match=r"empty\.tflite: a TFLite file without operators"):
        read_graph(path)
