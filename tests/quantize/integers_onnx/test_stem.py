from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edgeseg.quantize.integers_onnx.stem import fold_stem
from tests.quantize.nets import OnnxNet

HEIGHT, WIDTH = 14, 24


def qdq_net(
    kernel: int, *, channels: int = 5, width: int = WIDTH, bias: bool = True, group: int = 1, **attributes: Any
) -> Any:
    """A quantized convolution of an NHWC image beside a max pool of the same image."""
    net = OnnxNet()
    net.constant("scale", np.float32(0.02))
    net.constant("zero", np.uint8(114))
    # Sums of two products fit into 16 bits, so that processors without VNNI compute the same.
    net.constant("weight_q", net.random.integers(-63, 64, (channels, 3 // group, kernel, kernel)).astype(np.int8))
    net.constant("weight_scale", net.random.uniform(0.001, 0.01, channels).astype(np.float32))
    net.constant("weight_zero", np.zeros(channels, np.int8))
    net.constant("result_scale", np.float32(0.05))
    net.constant("result_zero", np.uint8(100))
    planes = net.add("Transpose", ["image"], "planes", perm=[0, 3, 1, 2])
    image = net.add("DequantizeLinear", [planes, "scale", "zero"], "image_dq")
    pooled = net.add("MaxPool", [image], "pooled", kernel_shape=[2, 2], strides=[2, 2])
    net.add("QuantizeLinear", [pooled, "scale", "zero"], "pooled_q")
    parameters = [net.add("DequantizeLinear", ["weight_q", "weight_scale", "weight_zero"], "weight", axis=0)]
    if bias:
        net.constant("bias_q", net.random.integers(-900, 900, channels).astype(np.int32))
        net.constant("bias_scale", np.full(channels, 1e-4, np.float32))
        net.constant("bias_zero", np.zeros(channels, np.int32))
        parameters.append(net.add("DequantizeLinear", ["bias_q", "bias_scale", "bias_zero"], "bias", axis=0))
    convolved = net.add("Conv", [image, *parameters], "convolved", group=group, **attributes)
    net.add("QuantizeLinear", [convolved, "result_scale", "result_zero"], "convolved_q")
    given = helper.make_tensor_value_info("image", TensorProto.UINT8, [2, HEIGHT, width, 3])
    made = [helper.make_tensor_value_info(name, TensorProto.UINT8, None) for name in ("convolved_q", "pooled_q")]
    graph = helper.make_graph(net.nodes, "net", [given], made, net.weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def run(model: onnx.ModelProto, width: int = WIDTH) -> list[NDArray[Any]]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    image = np.random.default_rng(1).integers(0, 256, (2, HEIGHT, width, 3)).astype(np.uint8)
    return session.run(None, {"image": image})


def kernels(model: onnx.ModelProto) -> list[list[int]]:
    return [list(value.dims) for value in model.graph.initializer if len(value.dims) == 4]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("kernel", "attributes", "folded"),
    [
        (3, {"strides": [2, 2], "pads": [1, 1, 1, 1]}, [10, 12, 3, 2]),
        (3, {"strides": [2, 2], "pads": [0, 0, 1, 1]}, [10, 12, 3, 2]),
        (7, {"strides": [2, 2], "pads": [3, 3, 3, 3]}, [10, 12, 7, 3]),
        (2, {"strides": [2, 2]}, [10, 12, 2, 1]),
        (3, {"pads": [1, 1, 1, 1]}, [20, 12, 3, 3]),
        (5, {"strides": [4, 4], "pads": [2, 2, 2, 2]}, [5, 12, 5, 2]),
    ],
)
def test_gives_the_same_numbers(kernel: int, attributes: dict[str, Any], folded: list[int], bias: bool) -> None:
    model = qdq_net(kernel, bias=bias, **attributes)
    expected = run(model)
    fold_stem(model)
    assert kernels(model) == [folded]
    for array, want in zip(run(model), expected, strict=True):
        np.testing.assert_array_equal(array, want)
    assert np.ptp(expected[0]) > 100


@pytest.mark.parametrize(
    ("channels", "group", "stride", "outputs"),
    [(13, 1, 2, 28), (15, 1, 4, 16), (6, 3, 2, 12), (9, 3, 2, 20), (3, 3, 1, 12)],
)
def test_any_channels_give_the_same_numbers(channels: int, group: int, stride: int, outputs: int) -> None:
    model = qdq_net(3, channels=channels, group=group, strides=[stride] * 2, pads=[1] * 4, width=23)
    expected = run(model, 23)
    fold_stem(model)
    assert [shape[:2] for shape in kernels(model)] == [[outputs, 12]]
    for array, want in zip(run(model, 23), expected, strict=True):
        np.testing.assert_array_equal(array, want)


@pytest.mark.parametrize(
    ("kernel", "width", "attributes"),
    [
        (3, 21, {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
        (3, 22, {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
        (3, 23, {"strides": [2, 2], "pads": [0, 0, 1, 1]}),
        (3, 25, {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
        (7, 25, {"strides": [2, 2], "pads": [3, 3, 3, 3]}),
        (3, 21, {"pads": [1, 1, 1, 1]}),
        (3, 24, {"pads": [0, 0, 0, 0]}),
        (4, 22, {"strides": [4, 4], "pads": [0, 0, 0, 0]}),
    ],
)
def test_any_width_gives_the_same_numbers(kernel: int, width: int, attributes: dict[str, Any]) -> None:
    model = qdq_net(kernel, width=width, **attributes)
    expected = run(model, width)
    fold_stem(model)
    assert [shape[1] for shape in kernels(model)] == [12]
    for array, want in zip(run(model, width), expected, strict=True):
        np.testing.assert_array_equal(array, want)


@pytest.mark.parametrize(
    ("width", "attributes"),
    [
        (24, {"strides": [3, 3], "pads": [1, 1, 1, 1]}),
        (24, {"pads": [2, 2, 2, 2], "dilations": [2, 2]}),
        (24, {"pads": [3, 3, 3, 3]}),
    ],
)
def test_leaves_what_cells_do_not_fit(width: int, attributes: dict[str, Any]) -> None:
    model = qdq_net(3, width=width, **attributes)
    before = model.SerializeToString()
    fold_stem(model)
    assert model.SerializeToString() == before
