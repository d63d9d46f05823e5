"""Float files as other tools write them, with what the format allows and hardly anybody uses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from ai_edge_litert.tools import flatbuffer_utils
from onnx import TensorProto, helper, numpy_helper

import edgeseg
from edgeseg import runtimes
from edgeseg.core.errors import InputError, QuantizeError
from edgeseg.core.protocols import Recipe
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact
from edgeseg.graphs import read_graph
from edgeseg.pipeline.sources import as_artifact
from edgeseg.quantize.finished.saturation import saturation

SIDE = 32
IMAGES = [np.random.default_rng(i).integers(0, 256, (SIDE, SIDE, 3), np.uint8) for i in range(4)]


class Net:
    """An ONNX graph in the making: an image, convolutions, and what a test puts between."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIDE, SIDE])]

    def constant(self, name: str, value: Any, dtype: Any = np.float32) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def drawn(self, name: str, *shape: int, scale: float = 0.3) -> str:
        return self.constant(name, scale * self.random.normal(size=shape))

    def add(self, op: str, inputs: Sequence[str], outputs: str | Sequence[str], **attributes: Any) -> None:
        results = [outputs] if isinstance(outputs, str) else list(outputs)
        self.nodes.append(helper.make_node(op, list(inputs), results, f"node_{results[0]}", **attributes))

    def conv(self, given: str, result: str, inputs: int, outputs: int, stride: int = 1, scale: float = 0.3) -> None:
        weight = self.drawn(f"{result}.w", outputs, inputs, 3, 3, scale=scale)
        bias = self.drawn(f"{result}.b", outputs)
        self.add("Conv", [given, weight, bias], result, kernel_shape=[3, 3], pads=[1] * 4, strides=[stride] * 2)

    def save(self, path: Path, *outputs: onnx.ValueInfoProto, ir: int = 9, opset: int = 18) -> Path:
        graph = helper.make_graph(self.nodes, "net", self.inputs, list(outputs), self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
        onnx.checker.check_model(model)
        onnx.save(model, path)
        return path


def value(name: str, *shape: int, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def logits(name: str = "logits") -> onnx.ValueInfoProto:
    return value(name, 1, 5, SIDE, SIDE)


def quantized(path: Path, recipe: Recipe | None = None) -> Artifact:
    return edgeseg.quantize(path, IMAGES, recipe, path.with_stem("int8"))


def agreement(path: Path, made: Artifact) -> float:
    """The share of pixels that come to the same class."""
    floating = as_artifact(Source(str(path)))
    maps = []
    for artifact in (floating, made):
        with runtimes.open_session(artifact, threads=1) as session:
            prepare = edgeseg.data.preprocess.Preprocessor(artifact.facts.input)
            maps.append(session.classmap(prepare(IMAGES[0])))
    return float((maps[0] == maps[1]).mean())


def test_weights_may_stand_among_the_inputs(tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "first", 3, 8)
    net.add("Relu", ["first"], "rectified")
    net.conv("rectified", "logits", 8, 5)
    net.inputs = [*(value(each.name, *each.dims) for each in net.weights), *net.inputs]
    path = net.save(tmp_path / "old.onnx", logits(), ir=3, opset=13)
    made = quantized(path)
    assert agreement(path, made) > 0.9
    assert len(onnx.load(made.path).graph.input) == 1


def test_outputs_may_be_left_out(tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "first", 3, 8)
    norm = net.constant("one", np.ones(SIDE))
    net.add("LayerNormalization", ["first", norm], ["even", "", "inverse"], axis=-1)
    net.add("Mul", ["even", "inverse"], "scaled")
    net.conv("scaled", "logits", 8, 5)
    path = net.save(tmp_path / "net.onnx", logits())
    assert agreement(path, quantized(path)) > 0.9


def _run(path: Path) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    dtype = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}[given.type]
    image = np.random.default_rng(1).integers(0, 200, given.shape).astype(dtype)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {given.name: image}), strict=True))


def test_an_output_may_be_read_on(tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "features", 3, 8, stride=2)
    net.conv("features", "scores", 8, 5)
    net.add("ArgMax", ["scores"], "map", axis=1, keepdims=0)
    outputs = value("scores", 1, 5, 16, 16), value("map", 1, 16, 16, kind=TensorProto.INT64)
    found = _run(quantized(net.save(tmp_path / "net.onnx", *outputs)).path)
    axis = 1 if found["scores"].shape[1] == 5 else 3
    assert np.array_equal(found["scores"].argmax(axis), found["map"])


@pytest.mark.parametrize("read_on", ["resize", "scaled"])
def test_a_file_whose_output_is_read_on_runs(read_on: str, tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "features", 3, 8, stride=2)
    last, more = "features", value("features", 1, 8, 16, 16)
    if read_on == "scaled":
        net.add("Mul", ["features", net.constant("half", 0.5)], "halved")
        last = "halved"
    net.conv(last, "scores", 8, 5)
    if read_on == "resize":
        net.add("Resize", ["scores", "", net.constant("twice", [1, 1, 2, 2])], "large", mode="linear")
        more = logits("large")
    made = quantized(net.save(tmp_path / "net.onnx", value("scores", 1, 5, 16, 16), more))
    assert set(_run(made.path)) == {"scores", more.name}


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.parametrize(("opset", "op"), [(9, "Upsample"), (10, "Resize")])
def test_pixels_are_resized_as_older_versions_do(opset: int, op: str, precision: str, tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "stem", 3, 8, stride=2)
    net.conv("stem", "low", 8, 5)
    net.add(op, ["low", net.constant("factors", [1, 1, 2, 2])], "logits", mode="linear")
    path = net.save(tmp_path / "net.onnx", logits(), ir=4, opset=opset)
    assert agreement(path, quantized(path, Recipe(precision=precision))) > 0.95


@pytest.mark.parametrize("axes", [[2, 3], [-1, -2]], ids=str)
@pytest.mark.parametrize("kind", ["scales", "sizes"])
def test_axes_of_a_resize(kind: str, axes: list[int], tmp_path: Path) -> None:
    net = Net()

    def sides(name: str, side: int, factor: float) -> list[str]:
        if kind == "scales":
            return ["", net.constant(name, [factor, factor])]
        return ["", "", net.constant(name, [side, side], np.int64)]

    net.conv("image", "stem", 3, 8, stride=2)
    net.add("Resize", ["stem", *sides("same", SIDE // 2, 1)], "kept", mode="linear", axes=axes)
    net.conv("kept", "low", 8, 5)
    net.add("Resize", ["low", *sides("double", SIDE, 2)], "logits", mode="linear", axes=axes)
    path = net.save(tmp_path / "net.onnx", logits())
    assert agreement(path, quantized(path)) > 0.95


@pytest.mark.parametrize(("mode", "axes"), [("edge", [-2, -1]), ("wrap", [3, 2]), ("constant", [2, 3])])
def test_axes_of_a_pad(mode: str, axes: list[int], tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "first", 3, 8)
    net.add("Relu", ["first"], "rectified")
    pads, named = (net.constant(name, each, np.int64) for name, each in (("pads", [1, 2, 1, 0]), ("axes", axes)))
    net.add("Pad", ["rectified", pads, "", named], "padded", mode=mode)
    net.add("Conv", ["padded", net.drawn("w", 5, 8, 3, 3)], "logits")
    path = net.save(tmp_path / "net.onnx", logits(), opset=19)
    assert agreement(path, quantized(path)) > 0.9


@pytest.mark.parametrize("target", ["x86-vnni", "arm"])
def test_an_average_of_pixels_that_lie_apart(target: str, tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "first", 3, 8)
    net.add("Relu", ["first"], "rectified")
    net.add("AveragePool", ["rectified"], "mean", kernel_shape=[3, 3], pads=[2] * 4, dilations=[2, 2])
    net.conv("mean", "logits", 8, 5)
    path = net.save(tmp_path / "net.onnx", logits(), opset=19)
    assert agreement(path, quantized(path, Recipe(target=target))) > 0.9


@pytest.mark.parametrize("target", ["x86-vnni", "arm"])
def test_a_convolution_of_the_image_to_one_channel(target: str, tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "grey", 3, 1, stride=2)
    net.conv("grey", "first", 1, 8)
    net.add("Relu", ["first"], "rectified")
    net.conv("rectified", "last", 8, 5)
    sizes = net.constant("sizes", [1, 5, SIDE, SIDE], np.int64)
    net.add("Resize", ["last", "", "", sizes], "logits", mode="linear")
    path = net.save(tmp_path / "net.onnx", logits())
    assert agreement(path, quantized(path, Recipe(target=target))) > 0.9


def test_the_image_may_be_an_output_too(tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "first", 3, 8)
    net.add("Relu", ["first"], "rectified")
    net.conv("rectified", "logits", 8, 5)
    path = net.save(tmp_path / "net.onnx", logits(), value("image", 1, 3, SIDE, SIDE))
    for recipe in (Recipe(), Recipe(name="fp16", precision="fp16")):
        assert agreement(path, quantized(path, recipe)) > 0.9


def test_celu_stays_in_single_floats(tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "first", 3, 8)
    net.add("Celu", ["first"], "bent")
    net.conv("bent", "logits", 8, 5)
    path = net.save(tmp_path / "net.onnx", logits())
    assert agreement(path, quantized(path, Recipe(name="fp16", precision="fp16"))) > 0.95


def test_a_graph_in_the_graph_is_refused_by_name(tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "first", 3, 6)
    net.add("ReduceMean", ["image"], "mean", keepdims=0)
    net.add("Greater", ["mean", net.constant("zero", 0)], "bright")
    result = value("chosen", 1, 6, SIDE, SIDE)
    net.drawn("offset", 1, 6, 1, 1)
    then = helper.make_graph([helper.make_node("Add", ["first", "offset"], ["chosen"])], "then", [], [result])
    other = helper.make_graph([helper.make_node("Identity", ["first"], ["chosen"])], "else", [], [result])
    net.add("If", ["bright"], "taken", then_branch=then, else_branch=other)
    net.conv("taken", "logits", 6, 5)
    with pytest.raises(QuantizeError, match=r"net.onnx: If node_taken holds a graph of its own, which is not looked"):
        quantized(net.save(tmp_path / "net.onnx", logits()))


def test_a_loop_in_a_tflite_file_is_refused_by_name(tmp_path: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec((1, SIDE, SIDE, 3), name="image")])
    def network(image: Any) -> Any:
        start = tf.reduce_mean(image), tf.nn.conv2d(image, tf.ones((3, 3, 3, 5)), 1, "SAME")
        return tf.while_loop(lambda mean, x: tf.reduce_max(x) < mean, lambda mean, x: (mean, x * 0.9), start)[1]

    path = tmp_path / "loop.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()]).convert())
    with pytest.raises(QuantizeError, match=r"loop\.tflite: WHILE runs a graph of its own"):
        quantized(path)


def test_a_transposed_convolution_along_a_line(tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "first", 3, 8)
    net.add("Reshape", ["first", net.constant("flat", [1, 8, SIDE * SIDE], np.int64)], "line")
    net.add("ConvTranspose", ["line", net.drawn("kernel", 8, 8, 2)], "longer", kernel_shape=[2], strides=[2])
    net.add("MaxPool", ["longer"], "shorter", kernel_shape=[2], strides=[2])
    net.add("Reshape", ["shorter", net.constant("square", [1, 8, SIDE, SIDE], np.int64)], "back")
    net.conv("back", "logits", 8, 5)
    path = net.save(tmp_path / "net.onnx", logits())
    assert agreement(path, quantized(path)) > 0.9


def test_an_output_may_be_infinite_but_not_nan(tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "first", 3, 8)
    net.conv("first", "scores", 8, 5, scale=80)
    net.add("Softmax", ["scores"], "shares", axis=1)
    net.add("Log", ["shares"], "logits")
    path = net.save(tmp_path / "net.onnx", logits())
    assert agreement(path, quantized(path)) > 0.8
    net.nodes.pop()
    net.add("Sub", ["first", "first"], "nothing")
    net.add("Div", ["nothing", "nothing"], "undefined")
    net.conv("undefined", "logits", 8, 5)
    with pytest.raises(QuantizeError, match=r"undefined\.onnx: .* is NaN on a calibration image; the network divides"):
        quantized(net.save(tmp_path / "undefined.onnx", logits()))


def test_the_maximum_of_integers_stays_one(tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "first", 3, 8)
    net.add("ArgMax", ["first"], "which", axis=1)
    net.add("ReduceMax", ["which", net.constant("sides", [2, 3], np.int64)], "most")
    net.add("Cast", ["most"], "real", to=TensorProto.FLOAT)
    net.add("Mul", ["first", "real"], "product")
    net.conv("product", "logits", 8, 5)
    path = net.save(tmp_path / "net.onnx", logits())
    assert agreement(path, quantized(path)) > 0.9


def test_a_mask_of_bytes_is_no_weight(tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "first", 3, 8)
    net.add("Cast", [net.constant("mask", np.ones((SIDE, SIDE)), np.uint8)], "factors", to=TensorProto.FLOAT)
    net.add("Mul", ["first", "factors"], "masked")
    net.conv("masked", "logits", 8, 5)
    path = net.save(tmp_path / "net.onnx", logits())
    assert agreement(path, quantized(path)) > 0.9


def test_bytes_are_not_asked_of_what_takes_them(tmp_path: Path) -> None:
    net = Net()
    net.inputs = [value("image", 1, 3, SIDE, SIDE, kind=TensorProto.UINT8)]
    net.add("Cast", ["image"], "real", to=TensorProto.FLOAT)
    net.add("Mul", ["real", net.constant("share", 1 / 255)], "normal")
    net.conv("normal", "first", 3, 8)
    net.conv("first", "logits", 8, 5)
    with pytest.raises(InputError, match=r"net.onnx: it takes uint8 already; leave out --input"):
        quantized(net.save(tmp_path / "net.onnx", logits()), Recipe(input="uint8"))


@pytest.mark.parametrize("without", [(), ("bias-correction", "equalization")])
def test_a_bias_of_two_dimensions(without: tuple[str, ...], tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "first", 3, 8)
    net.add("GlobalAveragePool", ["first"], "mean")
    net.add("Flatten", ["mean"], "flat")
    net.add("Gemm", ["flat", net.drawn("G", 8, 8), net.drawn("C", 1, 8)], "excited", transB=1)
    net.add("Sigmoid", ["excited"], "open")
    net.add("Reshape", ["open", net.constant("shape", [1, 8, 1, 1], np.int64)], "gate")
    net.add("Mul", ["first", "gate"], "gated")
    net.conv("gated", "logits", 8, 5)
    path = net.save(tmp_path / "net.onnx", logits())
    assert agreement(path, quantized(path, Recipe(without=without))) > 0.9


@pytest.mark.parametrize("input", ["auto", "uint8"])
def test_a_depthwise_convolution_of_the_image_saturates_nowhere(input: str, tmp_path: Path) -> None:
    net = Net()
    net.add("AveragePool", ["image"], "small", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    net.conv("image", "first", 3, 13, stride=2)
    net.add("Concat", ["first", "small"], "joined", axis=1)
    net.conv("joined", "scores", 16, 5)
    path = net.save(tmp_path / "net.onnx", value("scores", 1, 5, SIDE // 2, SIDE // 2))
    for target in ("x86-avx2", "x86-vnni"):
        made = quantized(path, Recipe(target=target, input=input))
        assert saturation(made.path).cannot == (target == "x86-avx2")


def test_names_that_are_taken_are_not_given_again(tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "mean_weight_0", 3, 8)
    net.add("ReduceMean", ["mean_weight_0", net.constant("channels", [1], np.int64)], "mean", keepdims=1)
    net.add("Add", ["mean_weight_0", "mean"], "sum")
    net.conv("sum", "logits", 8, 5)
    path = net.save(tmp_path / "net.onnx", logits())
    assert agreement(path, quantized(path)) > 0.9


def test_constants_beyond_half_floats_are_noted(tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "first", 3, 8)
    net.add("Clip", ["first", net.constant("low", -1e6), net.constant("high", 1e6)], "clipped")
    net.conv("clipped", "logits", 8, 5)
    made = quantized(net.save(tmp_path / "net.onnx", logits()), Recipe(precision="fp16"))
    assert made.facts.notes[-1] == "2 constants hold values beyond float16's 65504 and are cut off there"


def test_an_unfinished_calibration_says_what_it_may_be(tmp_path: Path) -> None:
    net = Net()
    net.conv("image", "first", 3, 8)
    net.add("Relu", ["first"], "rectified")
    net.conv("rectified", "logits", 8, 5)
    path, kept = net.save(tmp_path / "net.onnx", logits()), tmp_path / "seen.npz"
    passes = 0

    def stop(what: str, done: int, total: int) -> None:
        nonlocal passes
        passes += done == 0
        if passes == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        edgeseg.quantize(path, IMAGES, path=tmp_path / "int8.onnx", calibration=kept, progress=stop)
    with pytest.raises(InputError, match=r"a command that was stopped and goes on with --resume"):
        edgeseg.quantize(path, IMAGES, path=tmp_path / "int8.onnx", calibration=kept)


def test_a_budget_is_not_for_integers_alone(workspace: Path, tmp_path: Path) -> None:
    source, recipe = workspace / "fastscnn_64x128_fp32.tflite", Recipe(target="edgetpu")
    with pytest.raises(InputError, match="target edgetpu has integers alone, and no layers to leave in float for the"):
        edgeseg.quantize(source, "scenes", recipe, tmp_path / "x.tflite", budget=edgeseg.Budget(min_sqnr_db=60))


def _tflite(path: Path, *functions: Any) -> Path:
    class Module(tf.Module):
        pass

    module = Module()
    signature = [tf.TensorSpec((1, SIDE, SIDE, 3), tf.float32)]
    traced = {f"f{i}": tf.function(each, input_signature=signature) for i, each in enumerate(functions)}
    for name, function in traced.items():
        setattr(module, name, function)
    if len(traced) == 1:
        converter = tf.lite.TFLiteConverter.from_concrete_functions([traced["f0"].get_concrete_function()], module)
    else:
        tf.saved_model.save(module, str(path.parent / "saved"), traced)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(path.parent / "saved"), signature_keys=list(traced))
    path.write_bytes(converter.convert())
    return path


KERNEL = np.random.default_rng(0).normal(size=(3, 3, 3, 5)).astype(np.float32)


def test_a_file_of_several_functions_is_its_first(tmp_path: Path) -> None:
    path = _tflite(
        tmp_path / "two.tflite",
        lambda x: {"scores": tf.nn.conv2d(x, KERNEL, 1, "SAME")},
        lambda x: {"soft": tf.nn.softmax(tf.nn.conv2d(x, KERNEL, 1, "SAME"))},
    )
    made = quantized(path)
    assert len(flatbuffer_utils.read_model(str(made.path)).subgraphs) == 1
    assert agreement(path, made) > 0.9


@pytest.mark.parametrize("left_out", ["shape", "name", "difference"])
def test_tensors_without_a_shape_or_a_name_of_their_own(left_out: str, tmp_path: Path) -> None:
    half = np.float32(0.5)
    path = _tflite(tmp_path / "odd.tflite", lambda x: tf.nn.conv2d(tf.nn.relu(x) * half, KERNEL, 1, "SAME"))
    model = flatbuffer_utils.read_model(str(path))
    for tensor in model.subgraphs[0].tensors:
        has_value = model.buffers[tensor.buffer].data is not None
        if left_out == "shape" and not len(tensor.shape):
            tensor.shape = None
        elif left_out != "shape" and has_value:
            tensor.name = None if left_out == "name" else b"constant"
    flatbuffer_utils.write_model(model, str(path))
    assert agreement(path, quantized(path)) > 0.9


def test_paddings_of_64_bits(tmp_path: Path) -> None:
    paddings = np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int64)
    path = _tflite(
        tmp_path / "net.tflite",
        lambda x: tf.nn.conv2d(tf.raw_ops.Pad(input=x, paddings=tf.constant(paddings)), KERNEL, 1, "VALID"),
    )
    made = quantized(path, Recipe(input="uint8"))
    assert made.facts.input.dtype == "uint8"
    assert agreement(path, made) > 0.9


def test_a_class_map_of_bytes_makes_no_file_int8(tmp_path: Path) -> None:
    path = _tflite(
        tmp_path / "map.tflite",
        lambda x: tf.cast(tf.argmax(tf.nn.conv2d(x, KERNEL, 1, "SAME"), -1), tf.uint8),
    )
    facts = runtimes.describe(path, classes=tuple("abcde"))
    assert (facts.precision, facts.output.dtype) == ("fp32", "uint8")


def test_a_product_with_constants_has_one_scale(tmp_path: Path) -> None:
    """Its kernels would take the first of several."""
    mixing = np.random.default_rng(2).normal(size=(1, 5, 5)).astype(np.float32) * np.logspace(
        -1, 0, 5, dtype=np.float32
    )

    def network(x: Any) -> Any:
        planes = tf.reshape(tf.transpose(tf.nn.conv2d(x, KERNEL, 1, "SAME"), [0, 3, 1, 2]), [1, 5, SIDE * SIDE])
        mixed = tf.reshape(tf.matmul(mixing, planes), [1, 5, SIDE, SIDE])
        return tf.nn.conv2d(tf.transpose(mixed, [0, 2, 3, 1]), np.eye(5, dtype=np.float32)[None, None], 1, "SAME")

    path = _tflite(tmp_path / "product.tflite", network)
    made = quantized(path)
    assert "BATCH_MATMUL" in [node.op for node in read_graph(made.path).nodes]
    assert agreement(path, made) > 0.9
