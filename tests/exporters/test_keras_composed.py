"""Activations of Keras whose TensorFlow operators ONNX does not have."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from edgeseg import runtimes
from edgeseg.core.protocols import ExportSpec
from edgeseg.core.types import Model, Size
from edgeseg.exporters import export_model

SIZE = Size(8, 12)


@pytest.mark.parametrize("activation", ["gelu", "celu"])
def test_the_file_is_the_same_function(activation: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    image = keras.Input((SIZE.height, SIZE.width, 3))
    x = layers.Conv2D(6, 3, padding="same", activation=activation)(image)
    network = keras.Model(image, layers.Activation(activation)(layers.Conv2D(5, 1)(x)))
    model = Model("toy", "keras", network, tuple("abcde"), size=SIZE)
    artifact = export_model(model, "onnx", ExportSpec(SIZE), tmp_path / "toy.onnx")
    batch = 3 * np.random.default_rng(0).standard_normal((1, SIZE.height, SIZE.width, 3)).astype(np.float32)
    with runtimes.open_session(artifact) as session:
        found = session.run(batch.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    assert np.allclose(found, network(batch), rtol=0, atol=1e-5)
