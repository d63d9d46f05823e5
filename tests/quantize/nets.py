"""A small float network with what the quantizers have to deal with, as an ONNX and as a TFLite file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from ai_edge_litert.tools import flatbuffer_utils
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgeseg import runtimes
from edgeseg.core.container import write_facts
from edgeseg.core.protocols import Calibration, Recipe
from edgeseg.core.types import Artifact, Facts, HeadKind, InputFacts, OutputFacts, Size
from edgeseg.quantize.packing import packed
from edgeseg.quantize.prepare import prepare
from edgeseg.quantize.ranges.calibration import Ranges, take_ranges
from edgeseg.quantize.ranges.calibration import observe as observations
from edgeseg.quantize.ranges.channels import Channels
from edgeseg.quantize.weights.layers import Network
from edgeseg.quantize.weights.layers_onnx import onnx_network
from edgeseg.quantize.weights.layers_tflite import tflite_network

SIZE = Size(48, 64)
CLASSES = ("road", "sky", "car", "person", "tree")


class OnnxNet:
    """Nodes and weights, one call a layer; a layer's name is its output's."""

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def add(self, op: str, inputs: list[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [name], f"node_{name}", **attributes))
        return name

    def conv(self, x: str, name: str, i: int, o: int, k: int = 3, stride: int = 1, group: int = 1) -> str:
        weight = self.random.normal(size=(o, i // group, k, k)) * np.sqrt(2 / (i // group * k * k))
        bias = self.random.normal(size=o) * 0.1
        inputs = [
            x,
            self.constant(f"{name}.weight", weight.astype(np.float32)),
            self.constant(f"{name}.bias", bias.astype(np.float32)),
        ]
        pad = k // 2
        return self.add("Conv", inputs, name, group=group, kernel_shape=[k, k], strides=[stride] * 2, pads=[pad] * 4)

    def batchnorm(self, x: str, name: str, channels: int) -> str:
        draw = {
            "scale": self.random.uniform(0.5, 1.5, channels),
            "shift": self.random.normal(size=channels) * 0.2,
            "mean": self.random.normal(size=channels) * 0.2,
            "variance": self.random.uniform(0.5, 2.0, channels),
        }
        inputs = [self.constant(f"{name}.{key}", value.astype(np.float32)) for key, value in draw.items()]
        return self.add("BatchNormalization", [x, *inputs], name, epsilon=1e-3)


def onnx_net(path: Path, head: HeadKind) -> None:
    """Convolutions with BatchNorms that fold and that do not, a gate, a mean, pooling, concatenation and a resize."""
    net = OnnxNet()
    x = net.add("Relu", [net.batchnorm(net.conv("image", "stem", 3, 8, stride=2), "stem_bn", 8)], "stem_relu")
    x = net.add("Relu", [net.conv(x, "depthwise", 8, 8, stride=2, group=8)], "depthwise_relu")
    total = net.add("Add", [net.conv(x, "left", 8, 16, k=1), net.conv(x, "right", 8, 16)], "sum")
    x = net.add("Relu", [net.batchnorm(total, "sum_bn", 16)], "sum_relu")
    mean = net.add("ReduceMean", [x, net.constant("axes", np.array([2, 3]))], "mean", keepdims=1)
    gate = net.add("Sigmoid", [net.conv(mean, "gate", 16, 16, k=1)], "gate_sigmoid")
    x = net.add("Mul", [x, gate], "gated")
    pooled = net.add("MaxPool", [x], "pooled", kernel_shape=[2, 2], strides=[2, 2])
    scales = net.constant("scales", np.array([1, 1, 2, 2], np.float32))
    mode = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    up = net.add("Resize", [pooled, "", scales], "up", **mode)
    joined = net.batchnorm(net.add("Concat", [x, up], "joined", axis=1), "joined_bn", 32)
    net.add("Relu", [joined], "joined_relu")
    output = net.conv("joined_relu", "scores", 32, len(CLASSES), k=1)
    shape, kind = [1, len(CLASSES), SIZE.height // 4, SIZE.width // 4], TensorProto.FLOAT
    if head != "scores":
        scales = net.constant("scales4", np.array([1, 1, 4, 4], np.float32))
        output = net.add("Resize", ["scores", "", scales], "logits", **mode)
        shape = [1, len(CLASSES), SIZE.height, SIZE.width]
    if head == "classmap":
        output = net.add("ArgMax", ["logits"], "classmap", axis=1, keepdims=0)
        shape, kind = [1, SIZE.height, SIZE.width], TensorProto.INT64
    graph = helper.make_graph(
        net.nodes,
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, SIZE.height, SIZE.width])],
        [helper.make_tensor_value_info(output, kind, shape)],
        net.weights,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)


def tflite_net(path: Path, head: HeadKind) -> None:
    """About the same in Keras."""
    import keras
    import tensorflow as tf

    keras.utils.clear_session()  # Names count on from network to network.
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = layers.Input((SIZE.height, SIZE.width, 3), batch_size=1)
    x = layers.Conv2D(8, 3, 2, "same", activation="relu")(image)
    x = layers.DepthwiseConv2D(3, 2, "same", activation="relu")(x)
    x = layers.Add()([layers.Conv2D(16, 1)(x), layers.Conv2D(16, 3, padding="same")(x)])
    x = layers.ReLU()(layers.BatchNormalization(name="bn")(x))
    gate = layers.Conv2D(16, 1, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Multiply()([x, gate])
    up = layers.UpSampling2D(2, interpolation="bilinear")(layers.MaxPooling2D()(x))
    x = layers.Conv2D(len(CLASSES), 1)(layers.Concatenate()([x, up]))
    if head != "scores":
        x = layers.UpSampling2D(4, interpolation="bilinear")(x)
    network = keras.Model(image, x)
    network.get_layer("bn").set_weights([np.linspace(0.5, 1.5, 16), *np.zeros((2, 16)), np.linspace(0.5, 2, 16)])

    def run(batch: Any) -> Any:
        scores = network(batch)
        return tf.argmax(scores, -1, output_type=tf.int32) if head == "classmap" else scores

    signature = tf.TensorSpec((1, SIZE.height, SIZE.width, 3), tf.float32, "image")
    frozen = convert_variables_to_constants_v2(tf.function(run, [signature]).get_concrete_function())
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([frozen], network).convert())


def artifact(folder: Path, format: str, head: HeadKind = "scores") -> Artifact:
    """The float file of a format, with its facts; written on the first call."""
    path = folder / f"net_{head}.{format}"
    layout = "NCHW" if format == "onnx" else "NHWC"
    size = Size(SIZE.height // 4, SIZE.width // 4) if head == "scores" else SIZE
    dtype = "int64" if format == "onnx" else "int32"
    facts = Facts(
        model="net",
        format=format,  # type: ignore[arg-type]
        precision="fp32",
        input=InputFacts(SIZE, layout=layout),  # type: ignore[arg-type]
        output=OutputFacts(head, size, layout, dtype if head == "classmap" else "float32"),  # type: ignore[arg-type]
        classes=CLASSES,
        weights_sha256="0" * 64,
        tools={"maker": "1"},
        notes=("made for a test",),
    )
    if not path.exists():
        (onnx_net if format == "onnx" else tflite_net)(path, head)
        write_facts(path, facts)
    return Artifact(path, facts)


def images(shape: tuple[int, ...], count: int = 8) -> list[NDArray[np.float32]]:
    """Smooth random batches."""
    random = np.random.default_rng(1)
    coarse = [random.normal(size=[max(side // 8, side % 8) for side in shape]) for _ in range(count)]
    return [
        np.kron(x, np.ones([b // s for b, s in zip(shape, x.shape, strict=True)])).astype(np.float32) for x in coarse
    ]


def observe(
    source: Artifact, batches: Iterable[NDArray[Any]], names: Collection[str] | None
) -> Iterator[Iterator[tuple[str, NDArray[Any]]]]:
    with runtimes.open_session(source, threads=1, tensors=True, watch=tuple(names or ())) as session:
        for batch in batches:
            yield session.tensors(batch)


def calibration(source: Artifact, progress: Any = lambda what, done, total: None) -> Calibration:
    batches = images(source.facts.input.shape)
    return Calibration(batches, len(batches), "noise", observe, progress)


def calibrate(source: Artifact, recipe: Recipe, samples: Calibration, names: Collection[str] | None = None) -> Ranges:
    return take_ranges(observations(source, samples, names), recipe)


def opened(source: Artifact) -> tuple[Network, Callable[[Path], Artifact]]:
    """The layers of a float file, prepared, and what writes it as it is once they were changed."""
    if source.facts.format == "onnx":
        model, _ = prepare(source.path, source.path.with_stem(f"{source.path.stem}_prepared"))
        network, content = onnx_network(model), model.SerializeToString
    else:
        tflite = flatbuffer_utils.read_model(str(source.path))
        network, content = tflite_network(tflite), lambda: packed(tflite)

    def save(path: Path) -> Artifact:
        path.write_bytes(content())
        write_facts(path, source.facts)
        return Artifact(path, source.facts)

    return network, save


def spread(source: Artifact, path: Path, decades: float = 3) -> Artifact:
    """The same function with the channels that can have another unit spread over a range of 1 to 10 ** decades."""
    network, save = opened(source)
    factors = np.random.default_rng(2).permutation(np.logspace(0, decades, network.count))
    factors[0] = 1
    network.rescale(factors)
    return save(path)


def seen(source: Artifact, names: Iterable[str]) -> Mapping[str, Channels]:
    """The channels of tensors, which a network's layers name, over the calibration images."""
    axes = dict.fromkeys(names, 1 if source.facts.format == "onnx" else -1)
    return observations(source, calibration(source), (), axes).channels
