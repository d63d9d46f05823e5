"""What the Edge TPU takes, of graphs made by hand and of a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from ai_edge_litert.tools import flatbuffer_utils
from torch import nn

import edgeseg
from edgeseg import runtimes
from edgeseg.core.graph import Graph, Node, Tensor
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Artifact, Model, Size
from edgeseg.graphs import read_graph
from edgeseg.quantize.finished.edgetpu import refused
from edgeseg.quantize.packing import packed
from edgeseg.quantize.tflite_passes.dilations import even_dilations
from tests.quantize.nets import artifact, images
from tests.quantize.test_quantizers import quantized


def tensor(*shape: int, dtype: str = "int8", constant: bool = False) -> Tensor:
    return Tensor("t", shape, dtype, constant)


IMAGE = tensor(1, 8, 8, 6)


def graph(*nodes: Node, end: Tensor = IMAGE) -> Graph:
    return Graph("tflite", nodes, (IMAGE,), (end,), 0)


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (Node("ADD", (IMAGE, IMAGE), (IMAGE,)), ""),
        (Node("LEAKY_RELU", (IMAGE,), (IMAGE,)), "LEAKY_RELU"),
        (Node("ADD", (IMAGE,), (tensor(1, 8, 8, 6, dtype="float32"),)), "ADD in float32"),
        (Node("ADD", (tensor(2, 8, 8, 6),), (IMAGE,)), "ADD of more than 3 dimensions"),
        (Node("MAX_POOL_2D", (IMAGE,), (IMAGE,), attributes={"fusedActivationFunction": 0}), ""),
        (
            Node("MAX_POOL_2D", (IMAGE,), (IMAGE,), attributes={"fusedActivationFunction": 1}),
            "MAX_POOL_2D with a fused activation",
        ),
        (Node("CONCATENATION", (IMAGE, IMAGE), (IMAGE,)), ""),
        (
            Node("CONCATENATION", (IMAGE, tensor(1, 8, 8, 1, constant=True)), (IMAGE,)),
            "CONCATENATION with a constant input",
        ),
        (
            Node("CONV_2D", (IMAGE,), (IMAGE,), attributes={"dilationHFactor": 2, "dilationWFactor": 1}),
            "CONV_2D with dilations 2 and 1",
        ),
        (Node("MEAN", (IMAGE,), (tensor(1, 1, 1, 6),)), ""),
        (Node("MEAN", (IMAGE,), (tensor(1, 8, 8, 1),)), "MEAN with a mean over 6 channels, no multiple of 4"),
        (Node("SOFTMAX", (tensor(1, 19),), (tensor(1, 19),)), ""),
        (Node("SOFTMAX", (IMAGE,), (IMAGE,)), "SOFTMAX with 384 elements"),
        (Node("PRELU", (IMAGE, tensor(1, 1, 6)), (IMAGE,)), ""),
        (Node("PRELU", (IMAGE, tensor(8, 8, 6)), (IMAGE,)), "PRELU with a slope for every pixel"),
        (Node("FULLY_CONNECTED", (IMAGE,), (tensor(1, 19),)), ""),
        (Node("FULLY_CONNECTED", (IMAGE,), (tensor(8, 19),)), "FULLY_CONNECTED with an output of several dimensions"),
        (Node("STRIDED_SLICE", (IMAGE,), (IMAGE,), attributes={"newAxisMask": 1}), "STRIDED_SLICE with a mask"),
    ],
)
def test_operators_and_their_limits(node: Node, words: str) -> None:
    assert refused(graph(node, node)) == ({words: 2} if words else {})


def test_floats_at_an_end_are_refused() -> None:
    assert refused(graph(end=tensor(1, 8, 8, 6, dtype="float32"))) == {"float32 at an end of the graph": 1}


def test_a_file_for_it_and_one_that_is_not(folder: Path) -> None:
    source = artifact(folder, "tflite")
    assert not refused(read_graph(quantized(source, Recipe("edgetpu", target="edgetpu")).path))
    others = refused(read_graph(quantized(source, Recipe("takes_floats", input="float")).path))
    assert others == {"QUANTIZE in float32": 1, "float32 at an end of the graph": 1}


def test_dilations_made_alike_are_the_same_function(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    layers = keras.layers
    image = layers.Input((24, 32, 3), batch_size=1)
    x = layers.Conv2D(4, (3, 1), dilation_rate=(4, 1), padding="same")(image)
    x = layers.Conv2D(4, (1, 3), dilation_rate=(1, 2), padding="same")(x)
    x = layers.Conv2D(4, 3, dilation_rate=(6, 4), padding="same")(x)
    network = keras.Model(image, layers.DepthwiseConv2D(3, dilation_rate=(1, 2), padding="same")(x))
    model = flatbuffer_utils.read_model_from_bytearray(tf.lite.TFLiteConverter.from_keras_model(network).convert())
    results = []
    for name in ("before", "after"):
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(packed(model))
        facts = runtimes.describe(path)
        with runtimes.open_session(Artifact(path, facts), threads=1) as session:
            results.append(session(images((1, 24, 32, 3), 1)[0]))
        even_dilations(model)
    assert results[1] == pytest.approx(results[0], abs=1e-5 * float(np.ptp(results[0])))
    convolutions = [node for node in read_graph(path).nodes if node.op in ("CONV_2D", "DEPTHWISE_CONV_2D")]
    dilations = [(n.attributes["dilationHFactor"], n.attributes["dilationWFactor"]) for n in convolutions]
    assert dilations == [(4, 4), (2, 2), (2, 2), (1, 1)]


def test_a_kernel_that_was_split_for_xnnpack_is_taken(tmp_path: Path) -> None:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU6(), nn.Conv2d(8, 8, 7, padding=3, groups=8), nn.Conv2d(8, 3, 1)
    network = nn.Sequential(*layers, nn.Upsample(scale_factor=2, mode="bilinear"))
    model = Model("toy", "torch", network.eval(), ("a", "b", "c"), size=Size(32, 64))
    source = edgeseg.export(model, "tflite", path=tmp_path / "toy.tflite")
    made = edgeseg.quantize(source, recipe=Recipe("edgetpu", target="edgetpu"), path=tmp_path / "tpu.tflite", count=2)
    assert not refused(read_graph(made.path))
