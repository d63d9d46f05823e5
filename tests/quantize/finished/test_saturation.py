"""Finished ONNX files: where 16-bit sums can saturate, shown by inputs that do, and that they cannot in x86-avx2's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Recipe
from edgeseg.quantize.finished.saturation import saturation
from edgeseg.quantize.weights.pairs import PAIR_LIMIT
from edgeseg.quantize.weights.weights_onnx import products
from tests.quantize.nets import artifact
from tests.quantize.test_quantizers import outputs, quantized, sqnr_db
from tests.quantize.weights.test_pairs import saturates

VNNI, AVX2 = Recipe("vnni", target="x86-vnni"), Recipe("avx2", target="x86-avx2")


def test_the_example_saturates(folder: Path) -> None:
    path = quantized(artifact(folder, "onnx"), VNNI).path
    found = saturation(path)
    assert found.can
    assert not found.cannot
    kernels = {product.layer: product.kernel for product in products(onnx.load(path))}
    for layer in found.can:
        first, second = layer.places
        assert second == first + 1
        assert tuple(kernels[layer.layer][layer.output, [first, second]]) == layer.weights
        assert saturates(np.array([255, 255], np.uint8), np.array(layer.weights, np.int8))
        assert f"{255 * sum(layer.weights):,}" in layer.example
    assert found.summary().startswith(f"can saturate in {len(found.can)} of {len(found.layers)} layers")


@pytest.mark.parametrize("per_channel", [True, False])
def test_no_two_products_of_an_avx2_file_saturate(folder: Path, per_channel: bool) -> None:
    path = quantized(
        artifact(folder, "onnx"), Recipe(f"avx2_{per_channel}", "minmax", per_channel=per_channel, target="x86-avx2")
    ).path
    found = saturation(path)
    assert found.cannot
    assert found.summary() == "cannot saturate 16-bit sums"
    assert len(found.layers) >= 5
    for product in products(onnx.load(path)):
        kernel = np.sort(product.kernel, axis=1)
        if not product.depthwise:
            for pair in (kernel[:, :2], kernel[:, -2:]):
                assert not saturates(np.full(pair.size, 255, np.uint8), np.ascontiguousarray(pair).reshape(-1))


def test_depthwise_weights_keep_all_their_range(folder: Path) -> None:
    model = onnx.load(quantized(artifact(folder, "onnx"), AVX2).path)
    kernels = [product.kernel.astype(int) for product in products(model) if product.depthwise]
    assert len(kernels) >= 2
    assert all((np.abs(kernel).max(axis=1) == 127).all() for kernel in kernels)


def test_it_costs_little(folder: Path) -> None:
    source = artifact(folder, "onnx")
    expected = outputs(source)
    full, safe = (sqnr_db(expected, outputs(quantized(source, recipe))) for recipe in (VNNI, AVX2))
    assert safe > 26
    assert full - safe < 3


def operator(path: Path, op: str, kernel: np.ndarray, **attributes: int) -> Path:
    """A file of one integer operator."""
    given = [1, kernel.shape[1], 8, 8] if "Conv" in op else [4, kernel.shape[0]]
    scale, zero, weight = (
        numpy_helper.from_array(v, n) for n, v in (("s", np.float32(1)), ("z", np.uint8(0)), ("w", kernel))
    )
    small = numpy_helper.from_array(np.zeros((), kernel.dtype), "wz")
    inputs = {
        "QLinearConv": ["x", "s", "z", "w", "s", "wz", "s", "z"],
        "QLinearMatMul": ["x", "s", "z", "w", "s", "wz", "s", "z"],
        "ConvInteger": ["x", "w"],
        "MatMulInteger": ["x", "w"],
    }[op]
    result = TensorProto.INT32 if op.endswith("Integer") else TensorProto.UINT8
    graph = helper.make_graph(
        [helper.make_node(op, inputs, ["y"], name="layer", **attributes)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, given)],
        [helper.make_tensor_value_info("y", result, None)],
        [scale, zero, weight, small],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


@pytest.mark.parametrize("op", ["QLinearConv", "ConvInteger", "QLinearMatMul", "MatMulInteger"])
def test_files_of_others(tmp_path: Path, op: str) -> None:
    shape = (4, 6, 3, 3) if "Conv" in op else (6, 4)
    kernel = np.full(shape, 64, np.int8)
    assert saturation(operator(tmp_path / "safe.onnx", op, kernel)).cannot
    kernel.reshape(-1)[:] = 65
    (layer,) = saturation(operator(tmp_path / "wide.onnx", op, kernel)).can
    assert layer.reached == layer.bound == 255 * 130
    assert layer.layer == "layer"


def test_the_order_of_the_kernels_decides(tmp_path: Path) -> None:
    """Neighbours are input channels of one tap; two large weights that never meet saturate nothing."""
    kernel = np.zeros((1, 4, 2, 2), np.int8)
    kernel[0, 0, 0, 0] = kernel[0, 1, 0, 1] = 127
    found = saturation(operator(tmp_path / "apart.onnx", "QLinearConv", kernel))
    assert not found.can
    assert not found.cannot
    assert "could in another" in found.summary()
    kernel[0, 1, 0, 0] = 2
    (layer,) = saturation(operator(tmp_path / "met.onnx", "QLinearConv", kernel)).can
    assert (layer.places, layer.weights, layer.reached) == ((0, 1), (127, 2), 255 * 129)


def test_unsigned_weights_and_depthwise_convolutions_are_exempt(tmp_path: Path) -> None:
    unsigned = np.full((4, 6, 3, 3), 255, np.uint8)
    assert not saturation(operator(tmp_path / "unsigned.onnx", "QLinearConv", unsigned)).layers
    depthwise = np.full((4, 1, 3, 3), 127, np.int8)
    path = operator(tmp_path / "depthwise.onnx", "ConvInteger", np.repeat(depthwise, 1, axis=1), group=4)
    assert not saturation(path).layers
    assert 255 * PAIR_LIMIT < 2**15 <= 255 * (PAIR_LIMIT + 1)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"\xff" * 99)
    with pytest.raises(InputError, match=r"broken\.onnx: cannot be read as ONNX"):
        saturation(tmp_path / "broken.onnx")
