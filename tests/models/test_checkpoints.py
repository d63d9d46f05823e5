"""Checkpoints that others published, in our networks; they and the images lie beside the project or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edgeseg import data, models
from edgeseg.bench.accuracy.miou import ConfusionMatrix
from edgeseg.core.types import InputFacts, Size
from edgeseg.data.preprocess import Preprocessor
from edgeseg.models import weights

REAL = Path(__file__).parents[2].parent / "shared" / "real"
FILES = {
    "cfpnet": "cfpnet",
    "cgnet": "cgnet",
    "dabnet": "dabtnet",
    "edanet": "edanet",
    "enet": "enet",
    "espnet": "espnet",
    "fssnet": "fssnet",
    "mininetv2": "mininetv2",
}
IMAGES = f"cityscapes:{REAL / 'cityscapes_2048x1024'}"

pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="no real checkpoints and images beside the project")


def checkpoint(name: str) -> Path:
    return REAL / "checkpoints" / f"{FILES[name]}_crop-1024_800epoch.pth"


@pytest.mark.parametrize("name", FILES)
def test_every_entry_is_taken_as_it_is(name: str) -> None:
    network, given = models.build(name, weights=checkpoint(name)), weights.read(checkpoint(name))
    state = network.state_dict()
    assert state.keys() == given.keys()
    assert all(np.array_equal(state[entry], given[entry]) for entry in given)


@pytest.mark.parametrize("name", FILES)
def test_it_sees_a_street(name: str) -> None:
    network, prepare = models.build(name, weights=checkpoint(name)), Preprocessor(InputFacts(Size(512, 1024)))
    (image, label), *_ = data.open_dataset(IMAGES, split="val", size=Size(512, 1024), limit=1)
    with torch.inference_mode():
        classes = network(torch.from_numpy(prepare(image))).argmax(1)[0].numpy()
    matrix = ConfusionMatrix(19)
    matrix.update(label, classes.astype(np.uint8))
    assert matrix.counts.trace() / matrix.counts.sum() > 0.85
