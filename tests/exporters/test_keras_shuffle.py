"""Channel shuffling of Keras networks, as a layer and in both formats."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
import torch
from keras import layers

from edgeseg import models, runtimes
from edgeseg.core.protocols import ExportSpec
from edgeseg.core.types import Model, Size
from edgeseg.exporters import export_model
from edgeseg.models.blocks.keras_shuffle import ChannelShuffle
from edgeseg.models.blocks.shuffle import channel_shuffle

SIZE = Size(16, 24)


@pytest.fixture(params=[2, 3])
def network(request: pytest.FixtureRequest) -> keras.Model:
    image = keras.Input((SIZE.height, SIZE.width, 3))
    x = layers.Conv2D(12, 3, padding="same", activation="relu")(image)
    x = ChannelShuffle(request.param, name="shuffle")(x)
    left, right = (layers.Conv2D(6, 1)(half) for half in (x[..., :6], x[..., 6:]))
    x = ChannelShuffle(request.param)(layers.Concatenate()([left, right]))
    return keras.Model(image, layers.Conv2D(5, 1)(x))


def image() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((1, SIZE.height, SIZE.width, 3)).astype(np.float32)


def test_it_is_that_of_pytorch(network: keras.Model) -> None:
    layer = network.get_layer("shuffle")
    x = np.random.default_rng(0).standard_normal((1, 4, 5, 12)).astype(np.float32)
    expected = channel_shuffle(torch.from_numpy(x).permute(0, 3, 1, 2), layer.groups).permute(0, 2, 3, 1)
    assert np.array_equal(layer(x), expected)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' own saving
def test_it_is_kept_in_a_keras_file(network: keras.Model, tmp_path: Path) -> None:
    network.save(tmp_path / "net.keras")
    assert np.array_equal(models.load(str(tmp_path / "net.keras")).network(image()), network(image()))


@pytest.mark.parametrize("target", ["onnx", "tflite"])
def test_files_are_the_same_function(network: keras.Model, target: str, tmp_path: Path) -> None:
    model = Model("toy", "keras", network, tuple("abcde"), size=SIZE)
    artifact = export_model(model, target, ExportSpec(SIZE), tmp_path / f"toy.{target}")
    to_file, back = ((0, 3, 1, 2), (0, 2, 3, 1)) if target == "onnx" else ((0, 1, 2, 3), (0, 1, 2, 3))
    with runtimes.open_session(artifact) as session:
        found = session.run(image().transpose(to_file)).transpose(back)
    assert np.allclose(found, network(image()), rtol=0, atol=1e-5)


def test_planes_alone_are_moved_in_onnx(network: keras.Model, tmp_path: Path) -> None:
    model = Model("toy", "keras", network, tuple("abcde"), size=SIZE)
    artifact = export_model(model, "onnx", ExportSpec(SIZE), tmp_path / "toy.onnx")
    nodes = [node for node in onnx.load(artifact.path).graph.node if node.op_type == "Transpose"]
    assert [list(node.attribute[0].ints) for node in nodes] == [[0, 2, 1, 3, 4]] * 2
