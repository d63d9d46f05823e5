from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx.shape_inference import infer_shapes

from edgeseg.quantize.passes.activations import expand_activations
from edgeseg.quantize.passes.average import convolve_averages
from edgeseg.quantize.passes.batchnorm import fold_batchnorm
from edgeseg.quantize.passes.deconv import convolve_transposed
from edgeseg.quantize.passes.gemm import has_factors, take_factors_in
from edgeseg.quantize.passes.grouped import regroup_convolutions
from edgeseg.quantize.passes.pointwise import convolve_early
from edgeseg.quantize.passes.reductions import pool_reductions
from edgeseg.quantize.passes.shuffle import convolve_shuffles
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


def reduction(operator: str, axes: list[int], keepdims: int = 1) -> Build:
    return lambda net: net.add(operator, ["image", net.constant("axes", np.array(axes))], "out", keepdims=keepdims)


def mean(axes: list[int], keepdims: int = 1) -> Build:
    return reduction("ReduceMean", axes, keepdims)


def average(window: int, stride: int, pads: list[int] | None = None, **attributes: Any) -> Build:
    shape = {"kernel_shape": [window] * 2, "strides": [stride] * 2, "pads": pads or [0] * 4}
    return lambda net: net.add("AveragePool", ["image"], "out", **shape, **attributes)


def after_sum(net: OnnxNet) -> str:
    return net.batchnorm(net.add("Add", [net.conv("image", "a", 3, 4), net.conv("image", "b", 3, 4)], "sum"), "out", 4)


def after_sum_read_twice(net: OnnxNet) -> str:
    total = net.add("Add", [net.conv("image", "a", 3, 4), net.conv("image", "b", 3, 4)], "sum")
    return net.add("Sub", [net.batchnorm(total, "bn", 4), total], "out")


def after_broadcasting(net: OnnxNet) -> str:
    return net.batchnorm(net.add("Add", [net.conv("image", "a", 3, 4), net.conv("image", "b", 3, 1)], "sum"), "out", 4)


def after_doubling(net: OnnxNet) -> str:
    convolved = net.conv("image", "a", 3, 4)
    return net.batchnorm(net.add("Add", [convolved, convolved], "sum"), "out", 4)


def after_concat(net: OnnxNet, then: str = "Relu", axis: int = 1, read_twice: bool = False) -> str:
    pooled = net.add("MaxPool", ["image"], "pooled", kernel_shape=[3, 3], pads=[1] * 4)
    convolved = net.conv("image", "a", 3, 3)
    net.add("Concat", [convolved, pooled, "image"], "joined", axis=axis)
    result = net.add(then, [net.batchnorm("joined", "bn", 9 if axis == 1 else 3)], "out")
    return net.add("Concat", [result, convolved], "all", axis=axis) if read_twice else result


def shuffle(*order: int) -> Build:
    def build(net: OnnxNet) -> str:
        groups = net.constant("groups", np.array([1, 3, 4, 6, 8]))
        split = net.add("Reshape", [net.conv("image", "wide", 3, 12), groups], "split")
        turned = net.add("Transpose", [split], "turned", perm=order)
        return net.add("Reshape", [turned, net.constant("shape", np.array([1, 12, 6, 8]))], "out")

    return build


def deconv(kernel: int, stride: int, pad: int, extra: int = 0, **attributes: Any) -> Build:
    def build(net: OnnxNet) -> str:
        group = attributes.get("group", 1)
        weight = net.random.normal(size=(3, 2, kernel, kernel)).astype(np.float32)
        bias = net.random.normal(size=2 * group).astype(np.float32)
        inputs = ["image", net.constant("weight", weight), net.constant("bias", bias)]
        shape = {"strides": [stride] * 2, "pads": [pad] * 4, "output_padding": [extra] * 2}
        return net.add("Relu", [net.add("ConvTranspose", inputs, "up", **shape, **attributes)], "out")

    return build


def product(net: OnnxNet, bias: bool = True, **factors: float) -> str:
    shape, weight = np.array([8, 18]), net.random.normal(size=(18, 4)).astype(np.float32)
    inputs = [net.add("Reshape", ["image", net.constant("shape", shape)], "rows"), net.constant("weight", weight)]
    inputs += [net.constant("bias", net.random.normal(size=4).astype(np.float32))] if bias else []
    return net.add("Gemm", inputs, "out", **factors)


def prelu(slopes: list[float]) -> Build:
    each = np.array(slopes, np.float32)[:, None, None]
    return lambda net: net.add("PRelu", ["image", net.constant("slopes", each)], "out")


def hard_sigmoid(**attributes: float) -> Build:
    return lambda net: net.add("HardSigmoid", ["image"], "out", **attributes)


def enlarged(
    outputs: int = 2, kernel: int = 1, by: str = "scales", size: tuple[int, int] = (10, 24), **attributes: Any
) -> Build:
    """A convolution of the image, enlarged."""

    def build(net: OnnxNet) -> str:
        factors = [1, 1, size[0] / 6, size[1] / 8]
        sides = net.constant("by", np.array(factors, np.float32) if by == "scales" else np.array([1, 3, *size]))
        given = ["image", "", sides] if by == "scales" else ["image", "", "", sides]
        large = net.add("Resize", given, "large", **{"mode": "linear", **attributes})
        weight = net.random.normal(size=(outputs, 3, kernel, kernel)).astype(np.float32)
        bias = net.random.normal(size=outputs).astype(np.float32)
        pads = [kernel // 2] * 4
        inputs = [large, net.constant("weight", weight), net.constant("bias", bias)]
        return net.add("Relu", [net.add("Conv", inputs, "last", pads=pads)], "out")

    return build


UPSAMPLING = ["Conv", "Relu", "DepthToSpace"]


@pytest.mark.parametrize(
    ("build", "rewrite", "operators"),
    [
        (after_sum, fold_batchnorm, ["Conv", "Conv", "Add"]),
        (after_sum_read_twice, fold_batchnorm, ["Conv", "Conv", "Add", "Conv", "Sub"]),
        (after_broadcasting, fold_batchnorm, ["Conv", "Conv", "Add", "Conv"]),
        (after_doubling, fold_batchnorm, ["Conv", "Add", "Conv"]),
        (lambda net: net.batchnorm("image", "out", 3), fold_batchnorm, ["Conv"]),
        (after_concat, fold_batchnorm, ["MaxPool", "Conv", "Relu", "Conv", "Relu", "Conv", "Relu", "Concat"]),
        (partial(after_concat, then="Tanh"), fold_batchnorm, ["MaxPool", "Conv", "Conv", "Conv", "Concat", "Tanh"]),
        (partial(after_concat, axis=2), fold_batchnorm, ["MaxPool", "Conv", "Concat", "Conv", "Relu"]),
        (
            partial(after_concat, read_twice=True),
            fold_batchnorm,
            ["MaxPool", "Conv", "Concat", "Conv", "Relu", "Concat"],
        ),
        (partial(product, alpha=0.5, beta=2.0), take_factors_in, ["Reshape", "Gemm"]),
        (partial(product, bias=False, alpha=0.5), take_factors_in, ["Reshape", "Gemm"]),
        (prelu([0.2, 0.2, 0.2]), expand_activations, ["LeakyRelu"]),
        (prelu([0.2]), expand_activations, ["LeakyRelu"]),
        (prelu([0.2, -0.3, 1.0]), expand_activations, ["Conv", "Conv", "Relu", "Add"]),
        (prelu([0.2, 0.3, 1.1]), expand_activations, ["PRelu"]),
        (hard_sigmoid(), expand_activations, ["Add", "Clip", "Mul"]),
        (hard_sigmoid(alpha=1 / 6, beta=0.4), expand_activations, ["Add", "Clip", "Mul"]),
        (hard_sigmoid(alpha=-0.2), expand_activations, ["HardSigmoid"]),
        (mean([2, 3]), pool_reductions, ["GlobalAveragePool"]),
        (mean([-1]), pool_reductions, ["AveragePool"]),
        (mean([2]), pool_reductions, ["AveragePool"]),
        (mean([1]), pool_reductions, ["Conv"]),
        (mean([1, 2, 3]), pool_reductions, ["ReduceMean"]),
        (mean([1], keepdims=0), pool_reductions, ["ReduceMean"]),
        (mean([2], keepdims=0), pool_reductions, ["ReduceMean"]),
        (mean([2, 3], keepdims=0), pool_reductions, ["GlobalAveragePool", "Flatten"]),
        (reduction("ReduceMax", [2, 3], keepdims=0), pool_reductions, ["MaxPool", "Flatten"]),
        (reduction("ReduceMax", [3]), pool_reductions, ["MaxPool"]),
        (reduction("ReduceMax", [1]), pool_reductions, ["ReduceMax"]),
        (average(2, 2), convolve_averages, ["Conv"]),
        (average(3, 2, [1, 1, 1, 1], count_include_pad=1), convolve_averages, ["Conv"]),
        (average(3, 1, [0, 1, 2, 0], count_include_pad=1), convolve_averages, ["Conv"]),
        (average(3, 1, [1, 1, 1, 1]), convolve_averages, ["AveragePool"]),
        (average(4, 3, ceil_mode=1), convolve_averages, ["AveragePool"]),
        (shuffle(0, 2, 1, 3, 4), convolve_shuffles, ["Conv", "Conv"]),
        (shuffle(0, 2, 1, 4, 3), convolve_shuffles, ["Conv", "Reshape", "Transpose", "Reshape"]),
        (enlarged(), convolve_early, ["Conv", "Resize", "Relu"]),
        (enlarged(3, by="sizes"), convolve_early, ["Conv", "Resize", "Relu"]),
        (enlarged(mode="cubic"), convolve_early, ["Conv", "Resize", "Relu"]),
        (
            enlarged(mode="nearest", coordinate_transformation_mode="asymmetric"),
            convolve_early,
            ["Conv", "Resize", "Relu"],
        ),
        (enlarged(coordinate_transformation_mode="align_corners"), convolve_early, ["Conv", "Resize", "Relu"]),
        (enlarged(4), convolve_early, ["Resize", "Conv", "Relu"]),
        (enlarged(kernel=3), convolve_early, ["Resize", "Conv", "Relu"]),
        (enlarged(size=(3, 4)), convolve_early, ["Resize", "Conv", "Relu"]),
        (deconv(3, 2, 1, 1), convolve_transposed, UPSAMPLING),
        (deconv(2, 2, 0), convolve_transposed, UPSAMPLING),
        (deconv(4, 2, 1), convolve_transposed, UPSAMPLING),
        (deconv(15, 8, 7, 7), convolve_transposed, UPSAMPLING),
        (deconv(1, 2, 0, 1), convolve_transposed, UPSAMPLING),
        (deconv(3, 2, 0, output_shape=[12, 16]), convolve_transposed, UPSAMPLING),
        (deconv(6, 2, 1, output_shape=[12, 16]), convolve_transposed, UPSAMPLING),
        (deconv(3, 1, 1), convolve_transposed, ["ConvTranspose", "Relu"]),
        (deconv(3, 2, 1), convolve_transposed, ["ConvTranspose", "Relu"]),
        (deconv(2, 2, 0, group=3), convolve_transposed, ["ConvTranspose", "Relu"]),
    ],
)
def test_a_rewrite_leaves_the_function(
    build: Build, rewrite: Callable[[onnx.ModelProto], object], operators: list[str]
) -> None:
    model = model_of(build)
    expected = run(model)
    rewrite(model)
    assert [node.op_type for node in model.graph.node] == operators
    assert not any(map(has_factors, model.graph.node))
    assert run(model) == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(
    ("inputs", "outputs", "groups", "left"),
    [
        (12, 48, 12, [1, 1]),
        (64, 64, 16, [1, 1]),
        (12, 12, 12, [1, 12]),
        (256, 256, 2, [1, 1]),
        (1024, 1024, 32, [1, 32]),
        (32, 192, 32, [1, 1, 192]),
    ],
)
def test_grouped_convolutions_take_the_form_that_pays(inputs: int, outputs: int, groups: int, left: list[int]) -> None:
    def build(net: OnnxNet) -> str:
        return net.conv(net.conv("image", "wide", 3, inputs, 1), "out", inputs, outputs, group=groups)

    model = model_of(build)
    expected = run(model)
    assert regroup_convolutions(model) == (left != [1, groups])
    assert [{each.name: each.i for each in node.attribute}.get("group", 1) for node in model.graph.node] == left
    assert run(model) == pytest.approx(expected, rel=1e-4, abs=1e-5)
