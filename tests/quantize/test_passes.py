from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx.shape_inference import infer_shapes

from edgeseg.quantize.passes.batchnorm import fold_batchnorm
from edgeseg.quantize.passes.deconv import convolve_transposed
from edgeseg.quantize.passes.mean import pool_means
from tests.quantize.nets import OnnxNet

Build = Callable[[OnnxNet], str]


def model_of(build: Build) -> onnx.ModelProto:
    net = OnnxNet()
    output = build(net)
    graph = helper.make_graph(
        net.nodes,
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 6, 8])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        net.weights,
    )
    return infer_shapes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10))


def run(model: onnx.ModelProto) -> NDArray[Any]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    image = np.random.default_rng(1).normal(size=(1, 3, 6, 8)).astype(np.float32)
    values: NDArray[Any] = session.run(None, {"image": image})[0]
    return values


def mean(axes: list[int], keepdims: int = 1) -> Build:
    return lambda net: net.add("ReduceMean", ["image", net.constant("axes", np.array(axes))], "out", keepdims=keepdims)


def after_sum(net: OnnxNet) -> str:
    return net.batchnorm(net.add("Add", [net.conv("image", "a", 3, 4), net.conv("image", "b", 3, 4)], "sum"), "out", 4)


def after_sum_read_twice(net: OnnxNet) -> str:
    total = net.add("Add", [net.conv("image", "a", 3, 4), net.conv("image", "b", 3, 4)], "sum")
    return net.add("Sub", [net.batchnorm(total, "bn", 4), total], "out")


def after_doubling(net: OnnxNet) -> str:
    convolved = net.conv("image", "a", 3, 4)
    return net.batchnorm(net.add("Add", [convolved, convolved], "sum"), "out", 4)


def deconv(kernel: int, stride: int, pad: int, extra: int = 0, **attributes: Any) -> Build:
    def build(net: OnnxNet) -> str:
        group = attributes.get("group", 1)
        weight = net.random.normal(size=(3, 2, kernel, kernel)).astype(np.float32)
        bias = net.random.normal(size=2 * group).astype(np.float32)
        inputs = ["image", net.constant("weight", weight), net.constant("bias", bias)]
        shape = {"strides": [stride] * 2, "pads": [pad] * 4, "output_padding": [extra] * 2}
        return net.add("Relu", [net.add("ConvTranspose", inputs, "up", **shape, **attributes)], "out")

    return build


UPSAMPLING = ["Conv", "Relu", "DepthToSpace"]


@pytest.mark.parametrize(
    ("build", "rewrite", "operators"),
    [
        (after_sum, fold_batchnorm, ["Conv", "Conv", "Add"]),
        (after_sum_read_twice, fold_batchnorm, ["Conv", "Conv", "Add", "Conv", "Sub"]),
        (after_doubling, fold_batchnorm, ["Conv", "Add", "Conv"]),
        (lambda net: net.batchnorm("image", "out", 3), fold_batchnorm, ["Conv"]),
        (mean([2, 3]), pool_means, ["GlobalAveragePool"]),
        (mean([-1]), pool_means, ["AveragePool"]),
        (mean([2]), pool_means, ["AveragePool"]),
        (mean([1]), pool_means, ["ReduceMean"]),
        (mean([1, 2, 3]), pool_means, ["ReduceMean"]),
        (mean([2, 3], keepdims=0), pool_means, ["ReduceMean"]),
        (deconv(3, 2, 1, 1), convolve_transposed, UPSAMPLING),
        (deconv(2, 2, 0), convolve_transposed, UPSAMPLING),
        (deconv(4, 2, 1), convolve_transposed, UPSAMPLING),
        (deconv(15, 8, 7, 7), convolve_transposed, UPSAMPLING),
        (deconv(1, 2, 0, 1), convolve_transposed, UPSAMPLING),
        (deconv(3, 1, 1), convolve_transposed, ["ConvTranspose", "Relu"]),
        (deconv(3, 2, 1), convolve_transposed, ["ConvTranspose", "Relu"]),
        (deconv(2, 2, 0, group=3), convolve_transposed, ["ConvTranspose", "Relu"]),
    ],
)
def test_a_rewrite_leaves_the_function(
    build: Build, rewrite: Callable[[onnx.ModelProto], None], operators: list[str]
) -> None:
    model = model_of(build)
    expected = run(model)
    rewrite(model)
    assert [node.op_type for node in model.graph.node] == operators
    assert run(model) == pytest.approx(expected, rel=1e-5, abs=1e-6)
