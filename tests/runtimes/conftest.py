"""Small real files: one 3x3 convolution of stride 2, giving scores of 5 classes at half size."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

CLASSES, HEIGHT, WIDTH = 5, 16, 32


@pytest.fixture(scope="session")
def kernel() -> np.ndarray:
    """(CLASSES, 3, 3, 3)."""
    return np.random.default_rng(0).normal(size=(CLASSES, 3, 3, 3)).astype(np.float32)


@pytest.fixture
def image() -> np.ndarray:
    """(1, 3, HEIGHT, WIDTH) float32."""
    return np.random.default_rng(1).normal(size=(1, 3, HEIGHT, WIDTH)).astype(np.float32)


@pytest.fixture
def write_onnx(tmp_path: Path, kernel: np.ndarray) -> Callable[..., Path]:
    """Write a file that ends in `scores`, or in its dense upsampling `logits`, or in a `classmap`."""

    def write(
        head: str = "scores", shape: tuple[Any, ...] = (1, 3, HEIGHT, WIDTH), inputs: int = 1, classes: int = CLASSES
    ) -> Path:
        nodes = [helper.make_node("Conv", ["image", "kernel"], ["scores"], pads=[1, 1, 1, 1], strides=[2, 2])]
        if head in ("logits", "classmap"):
            nodes.append(helper.make_node("Resize", ["scores", "", "factors"], ["logits"], mode="linear"))
        if head == "classmap":
            nodes.append(helper.make_node("ArgMax", ["logits"], ["classmap"], axis=1, keepdims=0))
        if head == "mean":
            nodes.append(helper.make_node("ReduceMean", ["scores"], ["mean"], keepdims=0))
        factors = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "factors")
        kind = TensorProto.INT64 if head == "classmap" else TensorProto.FLOAT
        graph = helper.make_graph(
            nodes,
            "net",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ["image", "more"][:inputs]],
            [helper.make_tensor_value_info(head, kind, None)],
            [numpy_helper.from_array(kernel[:classes], "kernel"), factors],
        )
        path = tmp_path / f"{head}.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
        return path

    return write


@pytest.fixture(scope="session")
def write_tflite(tmp_path_factory: pytest.TempPathFactory, kernel: np.ndarray) -> Iterator[Callable[..., Path]]:
    """Write a float or wholly integer file of scores."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("tflite")
    written: dict[str, Path] = {}

    @tf.function
    def network(image: Any) -> Any:
        padded = tf.pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]])
        return tf.nn.conv2d(padded, kernel.transpose(2, 3, 1, 0), 2, "VALID")

    def samples() -> Iterator[list[np.ndarray]]:
        for seed in range(3):
            yield [np.random.default_rng(seed).normal(size=(1, HEIGHT, WIDTH, 3)).astype(np.float32)]

    def write(dtype: str = "float32", *, fixed: bool = True) -> Path:
        name = f"{dtype}-{fixed}"
        if name not in written:
            shape = (1, HEIGHT, WIDTH, 3) if fixed else (1, None, None, 3)
            signature = network.get_concrete_function(tf.TensorSpec(shape, tf.float32, name="image"))
            converter = tf.lite.TFLiteConverter.from_concrete_functions([signature], network)
            if dtype != "float32":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.representative_dataset = samples
                converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
                converter.inference_input_type = converter.inference_output_type = tf.as_dtype(dtype)
            written[name] = folder / f"{name}.tflite"
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Statistics for quantized inputs", UserWarning)
                written[name].write_bytes(converter.convert())
        return written[name]

    yield write
