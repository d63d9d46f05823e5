from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import nn
from torch.nn import functional as F

from edgeseg.core.errors import InputError
from edgeseg.models.blocks.conv import conv_bn, depthwise_bn, separable
from edgeseg.models.blocks.keras_conv import Norm
from edgeseg.models.blocks.keras_conv import depthwise_bn as keras_depthwise_bn
from edgeseg.models.blocks.keras_hard import HardSigmoid, HardSwish
from edgeseg.models.blocks.keras_resize import ResizeBilinear
from edgeseg.models.blocks.output_stride import dilated
from edgeseg.models.blocks.pooling import AdaptiveAvgPool, PyramidPooling


@pytest.mark.parametrize("out", [1, 2, 4, 6])
@pytest.mark.parametrize("shape", [(16, 32), (33, 65), (4, 8), (7, 3), (1, 1)])
def test_pooling_is_the_function_of_torch(out: int, shape: tuple[int, int]) -> None:
    x = torch.rand(2, 5, *shape)
    assert torch.allclose(AdaptiveAvgPool(out)(x), F.adaptive_avg_pool2d(x, out), rtol=0, atol=1e-6)


def test_pooling_exports_without_gathers(tmp_path: Path) -> None:
    program = torch.export.export(PyramidPooling(8, 4).eval(), (torch.rand(1, 8, 16, 32),), strict=False)
    called = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert "aten.mean.dim" in called
    assert not [name for name in called if "adaptive" in name or "index" in name or "gather" in name]


def test_convolutions_halve_as_announced() -> None:
    x = torch.rand(1, 4, 9, 12)
    assert conv_bn(4, 6, 5, 2).eval()(x).shape == (1, 6, 5, 6)
    assert conv_bn(4, 6, 3, dilation=4, act=nn.PReLU).eval()(x).shape == (1, 6, 9, 12)
    assert separable(4, 7, 2).eval()(x).shape == (1, 7, 5, 6)
    assert depthwise_bn(4, 8)[0].groups == 4
    assert len(depthwise_bn(4, act=None)) == 2


@pytest.mark.parametrize(("sides", "pads"), [((8, 12), 1), ((8, 13), 1), ((9, 13), 0)])
def test_symmetric_padding_is_that_of_torch(sides: tuple[int, int], pads: int) -> None:
    image = keras.Input((*sides, 4))
    network = keras.Model(image, keras_depthwise_bn(image, "conv", Norm(1e-9, 0.9), 2, symmetric=True))
    assert sum(isinstance(layer, keras.layers.ZeroPadding2D) for layer in network.layers) == pads
    x = np.random.default_rng(0).normal(size=(1, *sides, 4)).astype(np.float32)
    kernel = torch.from_numpy(network.get_layer("conv").kernel.numpy()).permute(2, 3, 0, 1)
    expected = F.conv2d(torch.from_numpy(x).permute(0, 3, 1, 2), kernel, stride=2, padding=1, groups=4)
    assert np.allclose(network(x).numpy(), expected.permute(0, 2, 3, 1).numpy(), atol=1e-5)


def test_dilation_makes_up_for_the_strides_beyond_the_output_stride() -> None:
    strides = (2, 1, 2, 1, 2, 1)
    assert list(dilated(strides, 16, reached=2)) == [(stride, 1) for stride in strides]
    assert list(dilated(strides, 4, reached=2)) == [(2, 1), (1, 1), (1, 1), (1, 2), (1, 2), (1, 4)]
    with pytest.raises(InputError, match="output stride 12: this network can have 2, 4, 8, 16"):
        list(dilated(strides, 12, reached=2))


@pytest.fixture(params=[True, False], ids=["aligned", "half-pixel"])
def upsample(request: pytest.FixtureRequest) -> keras.Model:
    image = keras.Input((4, 6, 3), batch_size=1)
    return keras.Model(image, ResizeBilinear((13, 21), align_corners=request.param)(image))


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(1, 4, 6, 3)).astype(np.float32)


def expected(upsample: keras.Model, image: np.ndarray) -> np.ndarray:
    x = torch.from_numpy(image).permute(0, 3, 1, 2)
    aligned = upsample.layers[-1].align_corners
    return F.interpolate(x, (13, 21), mode="bilinear", align_corners=aligned).permute(0, 2, 3, 1).numpy()


def test_resize_is_interpolation(upsample: keras.Model, image: np.ndarray) -> None:
    assert upsample.output_shape == (1, 13, 21, 3)
    assert np.allclose(upsample(image).numpy(), expected(upsample, image), atol=1e-6)
    copy = keras.Model.from_config(upsample.get_config())
    assert np.array_equal(copy(image).numpy(), upsample(image).numpy())


def test_resize_is_one_builtin_of_tflite(upsample: keras.Model, image: np.ndarray) -> None:
    converter = tf.lite.TFLiteConverter.from_keras_model(upsample)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    session = Interpreter(model_content=converter.convert())
    assert [op["op_name"] for op in session._get_ops_details()] == ["RESIZE_BILINEAR"]
    session.allocate_tensors()
    session.set_tensor(session.get_input_details()[0]["index"], image)
    session.invoke()
    result = session.get_tensor(session.get_output_details()[0]["index"])
    assert np.allclose(result, expected(upsample, image), atol=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # tf2onnx beside NumPy 2
def test_resize_converts_to_onnx(upsample: keras.Model, image: np.ndarray) -> None:
    import tf2onnx

    call = tf.function(lambda x: upsample(x), input_signature=[tf.TensorSpec(image.shape, tf.float32, "image")])
    model, _ = tf2onnx.convert.from_function(call, call.input_signature, opset=18)
    assert {node.op_type for node in model.graph.node} <= {"Resize", "Transpose"}
    session = onnxruntime.InferenceSession(model.SerializeToString())
    assert np.allclose(session.run(None, {"image": image})[0], expected(upsample, image), atol=1e-5)


@pytest.mark.parametrize(("layer", "function"), [(HardSigmoid, F.hardsigmoid), (HardSwish, F.hardswish)])
def test_hard_activations_are_those_of_torch_and_builtins_of_tflite(layer: Any, function: Any, tmp_path: Path) -> None:
    image = np.linspace(-4, 4, 72, dtype=np.float32).reshape(1, 4, 6, 3)
    given = keras.Input(image.shape[1:], batch_size=1)
    keras.Model(given, layer()(given)).save(tmp_path / "hard.keras")
    network = keras.models.load_model(tmp_path / "hard.keras")
    wanted = function(torch.from_numpy(image)).numpy()
    assert np.allclose(network(image).numpy(), wanted, atol=1e-4)
    session = Interpreter(model_content=tf.lite.TFLiteConverter.from_keras_model(network).convert())
    names = [op["op_name"] for op in session._get_ops_details()]
    assert names == (["HARD_SWISH"] if layer is HardSwish else ["ADD", "MUL"])
