"""PyTorch and Keras running source networks."""

from __future__ import annotations

import numpy as np
import pytest

from edgeseg import runtimes
from edgeseg.core.errors import InputError, MeasureError
from edgeseg.core.types import Model, Size

CLASSES = tuple(f"class_{i}" for i in range(5))


@pytest.fixture
def torch_model(kernel) -> Model:
    import torch

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, len(CLASSES), 3, padding=1, bias=False)
            self.dropout = torch.nn.Dropout()
            self.conv.weight.data = torch.from_numpy(kernel)

        def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
            logits = self.dropout(self.conv(image))
            return {"aux": logits + 1, "out": logits}

    return Model("tiny", "torch", Network(), CLASSES, size=Size(16, 32))


@pytest.fixture
def keras_model(kernel) -> Model:
    import keras

    image = keras.Input((16, 32, 3))
    conv = keras.layers.Conv2D(len(CLASSES), 3, padding="same", use_bias=False)
    network = keras.Model(image, keras.layers.Dropout(0.5)(conv(image)))
    conv.set_weights([kernel.transpose(2, 3, 1, 0)])
    return Model("tiny", "keras", network, CLASSES, size=Size(16, 32))


def test_both_frameworks_give_the_same_class_map(torch_model, keras_model, image) -> None:
    with runtimes.open_session(torch_model, threads=1) as session:
        assert (session.facts.format, session.facts.output.head) == ("torch", "logits")
        logits, classmap = session(image), session.classmap(image)
    last = np.ascontiguousarray(image.transpose(0, 2, 3, 1))
    with runtimes.open_session(keras_model, threads=1) as session:
        assert session.facts.input.shape == (1, 16, 32, 3)
        np.testing.assert_allclose(session(last).transpose(0, 3, 1, 2), logits, atol=1e-5)
        assert (session.classmap(last) == classmap).all()
    assert (classmap == logits.argmax(1)).all()


def test_tensors_are_those_of_files(torch_model, keras_model) -> None:
    for model in (torch_model, keras_model):
        with pytest.raises(InputError, match="export it first"):
            runtimes.open_session(model, tensors=True)
        with pytest.raises(InputError, match="export it first"):
            runtimes.open_session(model, watch=("logits",))


def test_a_network_that_fails_is_named(torch_model, image) -> None:
    torch_model.network.conv = None
    with (
        runtimes.open_session(torch_model) as session,
        pytest.raises(MeasureError, match="tiny: PyTorch cannot run it"),
    ):
        session(image)
