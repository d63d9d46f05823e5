"""A two-class task that a few convolutions learn in a few steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.types import Framework, Model, Size
from edgeseg.train import TrainOptions

CLASSES = ("dark", "bright")
OPTIONS = TrainOptions(steps=24, batch=4, crop=Size(16, 24), learning_rate=0.02, warmup=2, balance=0)


class Squares:
    """Dark images with one bright rectangle, which is the second class; the first row of labels is ignored."""

    name = "squares"
    classes = CLASSES
    palette = ((0, 0, 0), (255, 255, 255))

    def __init__(self, count: int = 6, highest: int = 1, lowest: int = 0) -> None:
        self.count = count
        self.highest = highest
        self.lowest = lowest

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        rng = np.random.default_rng(index)
        image = rng.integers(0, 90, (32, 48, 3), np.uint8)
        label = np.full((32, 48), self.lowest, np.uint8)
        top, left = rng.integers(1, 16), rng.integers(0, 24)
        label[top : top + 14, left : left + 20] = self.highest
        image[label == self.highest] += 120
        label[0] = 255
        return image, label

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        return (self[i] for i in range(self.count))


def torch_model() -> Model:
    import torch
    from torch import nn

    torch.manual_seed(3)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.1), nn.Conv2d(8, 2, 3, padding=1)
    )
    return Model("tiny", "torch", network.eval(), CLASSES)


def keras_model() -> Model:
    import keras

    keras.utils.set_random_seed(3)
    network = keras.Sequential(
        [
            keras.Input((16, 24, 3)),
            keras.layers.Conv2D(8, 3, padding="same"),
            keras.layers.BatchNormalization(momentum=0.999),
            keras.layers.ReLU(),
            keras.layers.Dropout(0.1),
            keras.layers.Conv2D(2, 3, padding="same"),
        ]
    )
    return Model("tiny", "keras", network, CLASSES)


def model(framework: Framework) -> Model:
    return torch_model() if framework == "torch" else keras_model()


def weights(trained: Model) -> list[Any]:
    if trained.framework == "torch":
        return [value.numpy() for value in trained.network.state_dict().values()]
    return [variable.value.numpy() for variable in trained.network.weights]
