"""Networks whose first convolutions read an image in several ways, and what is asked of files that take its bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edgeseg import quantize, runtimes
from edgeseg.core.container import read_facts, write_facts
from edgeseg.core.protocols import Calibration, Recipe
from edgeseg.core.types import Artifact, Facts, InputFacts, Normalization, OutputFacts, Size
from edgeseg.data.preprocess import Preprocessor
from tests.quantize.nets import OnnxNet, observe

SIZE = Size(24, 32)
RGB = Normalization((0.7, 0.4, 0.1), (0.2, 0.25, 0.3))
"""Means so far apart that a border padded with another shows."""
BGR = replace(RGB, order="BGR")
CHANNELS = 6
KINDS = ("plain", "wide", "odd", "padded", "twice", "pooled", "two")
CASES = [
    *(("onnx", kind, RGB) for kind in KINDS if kind not in ("padded", "twice")),
    *(("tflite", kind, RGB) for kind in KINDS),
    *((format, kind, BGR) for format in ("onnx", "tflite") for kind in ("plain", "pooled")),
]
"""Formats, kinds and normalizations; an ONNX convolution pads always by itself."""


def onnx_net(path: Path, kind: str, planes: bool = True) -> None:
    """Of the size of `SIZE`, or one column more with the kind `odd`. The last convolution pads too."""
    net, width = OnnxNet(), SIZE.width + (kind == "odd")
    x = "image" if planes else net.add("Transpose", ["image"], "planes", perm=[0, 3, 1, 2])
    if kind == "wide":
        first = net.conv(x, "stem", 3, 8, k=7, stride=4)
    elif kind == "pooled":
        pooled = net.add("MaxPool", [x], "pool", kernel_shape=[2, 2], strides=[2, 2])
        first = net.add("Concat", [net.conv(x, "stem", 3, 5, stride=2), pooled], "joined", axis=1)
    elif kind == "two":
        first = net.add("Add", [net.conv(x, "stem", 3, 8, stride=2), net.conv(x, "other", 3, 8, k=5, stride=2)], "sum")
    else:
        first = net.conv(x, "stem", 3, 8, stride=2)
    net.conv(net.add("LeakyRelu", [first], "leaky"), "scores", 8, CHANNELS)
    image = [1, 3, SIZE.height, width] if planes else [1, SIZE.height, width, 3]
    graph = helper.make_graph(
        net.nodes,
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, image)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)],
        net.weights,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)


def strided(path: Path, size: Size, kernel: int, stride: int, pads: list[int], named: bool = True) -> Artifact:
    """A float ONNX file that begins with such a convolution, its kernel's shape `named` in an attribute or not."""
    net = OnnxNet()
    net.conv("image", "stem", 3, 8, k=kernel, stride=stride)
    given = {"strides": [stride] * 2, "pads": pads} | ({"kernel_shape": [kernel] * 2} if named else {})
    net.nodes[0].CopyFrom(helper.make_node("Conv", net.nodes[0].input, ["stem"], "stem", **given))
    net.conv(net.add("LeakyRelu", ["stem"], "leaky"), "scores", 8, CHANNELS)
    graph = helper.make_graph(
        net.nodes,
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, size.height, size.width])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)],
        net.weights,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    padded = size.height + pads[0] + pads[2], size.width + pads[1] + pads[3]
    height, width = ((side - kernel) // stride + 1 for side in padded)
    classes = tuple(f"class_{i}" for i in range(CHANNELS))
    given_facts = InputFacts(size, layout="NCHW", normalization=RGB)
    facts = Facts("net", "onnx", "fp32", given_facts, OutputFacts("scores", Size(height, width), "NCHW"), classes)
    write_facts(path, facts)
    return Artifact(path, facts)


def tflite_net(path: Path, kind: str) -> None:
    """About the same in Keras."""
    import keras
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    keras.utils.set_random_seed(0)
    layers, width = keras.layers, SIZE.width + (kind == "odd")
    image = layers.Input((SIZE.height, width, 3), batch_size=1)
    if kind == "padded":
        x = layers.Conv2D(8, 3, 2)(layers.ZeroPadding2D(((1, 1), (1, 1)))(image))
    elif kind == "twice":
        x = layers.Conv2D(8, 3, 2, "same")(layers.ZeroPadding2D(((1, 0), (1, 0)))(image))
    elif kind == "wide":
        x = layers.Conv2D(8, 7, 4, "same")(image)
    elif kind == "pooled":
        x = layers.Concatenate()([layers.Conv2D(5, 3, 2, "same")(image), layers.MaxPooling2D()(image)])
    elif kind == "two":
        x = layers.Add()([layers.Conv2D(8, 3, 2, "same")(image), layers.Conv2D(8, 5, 2, "same")(image)])
    else:
        x = layers.Conv2D(8, 3, 2, "same")(image)
    network = keras.Model(image, layers.Conv2D(CHANNELS, 3, padding="same")(layers.LeakyReLU()(x)))
    signature = tf.TensorSpec((1, SIZE.height, width, 3), tf.float32, "image")
    frozen = convert_variables_to_constants_v2(tf.function(network).get_concrete_function(signature))
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([frozen], network).convert())


def source(folder: Path, format: str, kind: str, normalization: Normalization = RGB, planes: bool = True) -> Artifact:
    """The float file, written on the first call."""
    path = folder / f"raw_{kind}_{normalization.order}_{planes}.{format}"
    if not path.exists():
        onnx_net(path, kind, planes) if format == "onnx" else tflite_net(path, kind)
        size, stride = Size(SIZE.height, SIZE.width + (kind == "odd")), 4 if kind == "wide" else 2
        sides = [side + (kind == "twice") for side in (size.height, size.width)]
        layout = "NCHW" if format == "onnx" and planes else "NHWC"
        facts = Facts(
            model="net",
            format=format,  # type: ignore[arg-type]
            precision="fp32",
            input=InputFacts(size, layout=layout, normalization=normalization),  # type: ignore[arg-type]
            output=OutputFacts(
                "scores",
                Size(*(-(-side // stride) for side in sides)),
                "NCHW" if format == "onnx" else "NHWC",
            ),
            classes=tuple(f"class_{i}" for i in range(CHANNELS)),
        )
        write_facts(path, facts)
    facts = read_facts(path)
    assert facts is not None
    return Artifact(path, facts)


def pictures(size: Size, count: int = 6) -> list[NDArray[np.uint8]]:
    """Smooth random images."""
    random = np.random.default_rng(3)
    coarse = random.integers(0, 256, (count, size.height // 4 + 1, size.width // 4 + 1, 3))
    smooth = np.kron(coarse, np.ones((1, 4, 4, 1))) + random.integers(-20, 21, (count, 1, 1, 3))
    return list(smooth[:, : size.height, : size.width].clip(0, 255).astype(np.uint8))


def int8(artifact: Artifact, recipe: Recipe, path: Path) -> Artifact:
    """Calibrated on the pictures."""
    facts = artifact.facts.input
    batches = [Preprocessor(facts)(image) for image in pictures(facts.size)]
    calibration = Calibration(batches, len(batches), "pictures", observe, lambda what, done, total: None)
    return quantize.quantizer(artifact.facts.format)(artifact, recipe, calibration, path)


def scores(artifact: Artifact) -> NDArray[Any]:
    """Of every picture, channels last, each given as the file takes it."""
    facts = artifact.facts
    with runtimes.open_session(artifact, threads=1) as session:
        found = np.concatenate([session(Preprocessor(facts.input)(image)) for image in pictures(facts.input.size)])
    return found.transpose(0, 2, 3, 1) if facts.output.layout == "NCHW" else found
