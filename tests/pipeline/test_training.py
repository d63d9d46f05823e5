"""`edgeseg.train` on networks of one's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import edgeseg
from edgeseg.core.errors import InputError
from edgeseg.core.types import Size
from edgeseg.data.images import write_png
from edgeseg.models import weights
from edgeseg.models.adapters import adapter
from edgeseg.train import TrainOptions

OPTIONS = TrainOptions(steps=2, batch=2, crop=Size(32, 48))
CODE = """
import keras
from torch import nn

def unnamed():
    image = keras.Input((None, None, 3))
    features = keras.layers.Conv2D(4, 3, padding="same")(image)
    return keras.Model(image, keras.layers.Conv2D(2, 3, padding="same")(features))

def half():
    image = keras.Input((None, None, 3))
    return keras.Model(image, keras.layers.Conv2D(2, 3, padding="same", dtype="mixed_float16")(image))

class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.last = (keras.layers.Conv2D(n, 3, padding="same") for n in (4, 2))

    def call(self, image, training=False):
        return self.last(self.first(image))

def plain():
    return nn.Conv2d(3, 2, 3, padding=1)
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_trained.py").write_text(CODE)
    yield tmp_path / "my_trained.py"
    sys.modules.pop("my_trained", None)


@pytest.fixture
def data(tmp_path: Path) -> str:
    root = tmp_path / "data"
    (root).mkdir()
    (root / "classes.txt").write_text("ground\nplant\n")
    for index in range(3):
        image = np.random.default_rng(index).integers(0, 256, (64, 96, 3), np.uint8)
        write_png(root / "images" / f"{index}.png", image)
        write_png(root / "masks" / f"{index}.png", (image[..., 0] > 127).astype(np.uint8))
    return f"folder:{root}"


@pytest.mark.parametrize("name", ["unnamed", "Subclassed"])
def test_a_keras_network_with_names_that_keras_gave(code: Path, data: str, tmp_path: Path, name: str) -> None:
    path, result = edgeseg.train(f"my_trained:{name}", data, OPTIONS, size="64x96", folder=tmp_path)
    assert result.miou_percent is not None
    assert result.measured_on == "3 images of folder, which it was trained on"
    again = edgeseg.models.load(f"my_trained:{name}", weights=path, size="64x96")
    loaded, stored = adapter("keras").arrays(again.network), weights.read(path)
    assert loaded.keys() == stored.keys()
    assert all(np.array_equal(value, stored[name].astype(np.float32)) for name, value in loaded.items())
    path, result = edgeseg.train(f"my_trained:{name}", data, OPTIONS, size="64x96", folder=tmp_path)
    assert result.losses == ()


def test_what_computes_in_half_floats_is_not_trained(code: Path, data: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"my_trained:half computes in half floats, .*set_dtype_policy\(.float32.\)"):
        edgeseg.train("my_trained:half", data, OPTIONS, size="64x96", folder=tmp_path)


def test_a_run_is_not_gone_on_with_from_other_code_or_at_another_size(code: Path, data: str, tmp_path: Path) -> None:
    edgeseg.train("my_trained:plain", data, OPTIONS, size="64x96", folder=tmp_path)
    with pytest.raises(InputError, match=r"a run with data .* at 64x96, not .* at 32x48"):
        edgeseg.train("my_trained:plain", data, OPTIONS, size="32x48", folder=tmp_path)
    code.write_text(CODE.replace("padding=1", "padding=1, bias=True"))
    with pytest.raises(InputError, match=r"its model's code changed since; .* delete it to start anew"):
        edgeseg.train("my_trained:plain", data, OPTIONS, size="64x96", folder=tmp_path)


def test_what_it_is_validated_on_is_looked_at_first(code: Path, data: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="scenes: 19 classes to validate on, but my_trained:plain has 2"):
        edgeseg.train("my_trained:plain", data, OPTIONS, size="64x96", folder=tmp_path, validation="scenes")
    assert not list(tmp_path.glob("*.npz"))


def test_images_are_of_one_size_in_training_and_validation(
    code: Path, data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    opened = edgeseg.data.open_dataset

    def remember(text: str, **options):
        sizes.append(options["size"])
        return opened(text, **options)

    monkeypatch.setattr(edgeseg.data, "open_dataset", remember)
    edgeseg.train("my_trained:plain", data, OPTIONS, folder=tmp_path)
    assert sizes == [Size(512, 1024), Size(512, 1024)]


def test_a_network_of_ones_own_is_trained_in_place(data: str, tmp_path: Path) -> None:
    network = nn.Conv2d(3, 2, 3, padding=1)
    before = network.weight.detach().clone()
    path, result = edgeseg.train(network, data, OPTIONS, size="64x96", folder=tmp_path)
    assert path == tmp_path / "conv2d_weights.safetensors"
    assert result.miou_percent is not None
    assert not torch.equal(network.weight, before)
    assert np.allclose(weights.read(path)["weight"], network.weight.detach().numpy(), atol=1e-3)
