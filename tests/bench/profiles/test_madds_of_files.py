"""The counter on files that the real exporters wrote, against torch's own counter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_dynamic, quantize_static
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from edgeseg.bench.profiles.madds import count_madds
from edgeseg.graphs import read_graph


class EveryKind(nn.Module):
    """Strided, depthwise dilated and transposed convolution, matrix product, linear layer."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.depthwise = nn.Conv2d(8, 8, 3, 1, 2, 2, groups=8)
        self.up = nn.ConvTranspose2d(8, 4, 2, 2, groups=groups)
        self.linear = nn.Linear(4, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.up(self.depthwise(self.stem(x)).relu())
        flat = x.flatten(2)
        return self.linear(flat.mean(2)) + (flat @ flat.transpose(1, 2)).sum()


def half_of_torch_flops(network: nn.Module, image: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image)
    return counter.get_total_flops() // 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("groups", [1, 2])
def test_onnx(tmp_path: Path, groups: int) -> None:
    network, image = EveryKind(groups).eval(), torch.zeros(1, 3, 32, 64)
    path = tmp_path / "net.onnx"
    torch.onnx.export(network, (image,), path, dynamo=True, opset_version=18, verbose=False)
    assert count_madds(read_graph(path)) == half_of_torch_flops(network, image) > 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_tflite(tmp_path: Path) -> None:
    import litert_torch

    network, image = EveryKind(groups=1).eval(), torch.zeros(1, 3, 32, 64)
    path = tmp_path / "net.tflite"
    litert_torch.convert(network, (image,)).export(str(path))
    assert count_madds(read_graph(path)) == half_of_torch_flops(network, image) > 0


class Means(nn.Module):
    """Of channels, and of windows, as convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.register_buffer("window", torch.full((8, 1, 3, 3), 1 / 9))
        self.register_buffer("channels", torch.full((1, 8, 1, 1), 1 / 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.conv2d(self.stem(x).relu(), self.window, groups=8)
        return nn.functional.conv2d(x, self.channels)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_means_that_are_written_as_convolutions_are_none(tmp_path: Path) -> None:
    import litert_torch

    network, image = Means().eval(), torch.zeros(1, 3, 32, 64)
    options: dict[str, Any] = {"dynamo": True, "opset_version": 18, "verbose": False, "external_data": False}
    torch.onnx.export(network, (image,), tmp_path / "net.onnx", **options)
    litert_torch.convert(network, (image,)).export(str(tmp_path / "net.tflite"))
    for path in tmp_path.glob("net.*"):
        assert count_madds(read_graph(path)) == half_of_torch_flops(network.stem, image) > 0


class Pixels(CalibrationDataReader):
    """One image."""

    def __init__(self) -> None:
        self.images = [{"image": np.ones((1, 3, 8, 8), np.float32)}]

    def get_next(self) -> dict[str, Any] | None:
        return self.images.pop() if self.images else None


@pytest.fixture
def products(tmp_path: Path) -> Path:
    """A convolution and two matrix products."""
    random = np.random.default_rng(0)
    shapes = {"w": (16, 3, 4, 4), "m": (16, 32), "n": (32, 5)}
    weights = [numpy_helper.from_array(random.random(shape, np.float32), name) for name, shape in shapes.items()]
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["a"], strides=[4, 4]),
        helper.make_node("Reshape", ["a", "sides"], ["b"]),
        helper.make_node("Transpose", ["b"], ["c"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["c", "m"], ["d"]),
        helper.make_node("Relu", ["d"], ["e"]),
        helper.make_node("MatMul", ["e", "n"], ["out"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8, 8])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 4, 5])
    weights.append(numpy_helper.from_array(np.array([1, 16, 4]), "sides"))
    graph = helper.make_graph(nodes, "net", [image], [out], weights)
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def counts(path: Path) -> tuple[int, int]:
    graph = read_graph(path)
    return graph.params, count_madds(graph)


PRODUCTS = 16 * 48 + 16 * 32 + 32 * 5


@pytest.mark.parametrize("per_channel", [False, True])
def test_quantized_operators_count_as_those_they_were(products: Path, per_channel: bool) -> None:
    path = products.with_name("int8.onnx")
    options: dict[str, Any] = {"quant_format": QuantFormat.QOperator, "per_channel": per_channel}
    quantize_static(products, path, Pixels(), **options)
    assert {"QLinearConv", "QLinearMatMul"} <= {node.op for node in read_graph(path).nodes}
    assert counts(path) == counts(products) == (PRODUCTS, 4 * PRODUCTS)


def test_operators_fused_by_onnx_runtime_count_as_those_they_were(products: Path) -> None:
    path, fused = products.with_name("dynamic.onnx"), products.with_name("fused.onnx")
    quantize_dynamic(products, path)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath, options.log_severity_level = str(fused), 4
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    assert "MatMulInteger" in {node.op for node in read_graph(path).nodes}
    assert "DynamicQuantizeMatMul" in {node.op for node in read_graph(fused).nodes}
    assert counts(path) == counts(fused) == (PRODUCTS, 4 * PRODUCTS)
