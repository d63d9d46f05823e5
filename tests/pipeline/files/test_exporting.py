"""`edgeseg.export` as a function, where a converter writes what no runtime runs."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

import edgeseg
from edgeseg.core.errors import ExportError


def test_a_file_that_cannot_be_run_is_named_by_its_network(tmp_path: Path) -> None:
    image = keras.Input((8, 12, 3))
    x = keras.ops.erfinv(keras.layers.Conv2D(5, 1, activation="tanh")(image))
    network = keras.Model(image, x, name="inverse")
    with pytest.raises(ExportError, match=r"^inverse: no onnx file of it can be made: .*Erfinv") as caught:
        edgeseg.export(network, "onnx", folder=tmp_path)
    message = str(caught.value)
    assert message.endswith("; write that part of the network in other operators, or export it --to tflite")
    assert str(tmp_path) not in message
    assert not list(tmp_path.iterdir())
