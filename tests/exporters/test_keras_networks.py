"""Keras networks as their users write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers

import edgeseg

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SHAPE = (32, 64, 3)


def up(scale: int, **options: Any) -> Any:
    return layers.UpSampling2D(scale, interpolation="bilinear", **options)


def sequential() -> Any:
    return keras.Sequential([keras.Input(SHAPE), layers.Conv2D(8, 3, 4, "same"), layers.Conv2D(5, 1), up(4)])


def two_heads(main_first: bool) -> Any:
    image = keras.Input(SHAPE)
    half = layers.Conv2D(8, 3, 2, "same", activation="relu")(image)
    quarter = layers.Conv2D(8, 3, 2, "same", activation="relu")(half)
    main, other = up(4)(layers.Conv2D(5, 1)(quarter)), up(2)(layers.Conv2D(5, 1)(half))
    return keras.Model(image, [main, other] if main_first else {"aux": other, "out": main})


def twice_the_same_layer() -> Any:
    image, twice = keras.Input(SHAPE), up(2)
    return keras.Model(image, twice(layers.Conv2D(5, 3, padding="same")(twice(layers.Conv2D(8, 3, 4, "same")(image)))))


def cropping() -> Any:
    image = keras.Input(SHAPE)
    whole = layers.Conv2D(5, 3, (4, 2), "same")(image)
    return keras.Model(image, layers.Resizing(32, 64, interpolation="bilinear", crop_to_aspect_ratio=True)(whole))


def grouped() -> Any:
    image = keras.Input(SHAPE)
    wide = layers.Conv2D(8, 3, 2, "same")(image)
    return keras.Model(image, up(2)(layers.Conv2D(5, 1)(layers.Conv2D(8, 3, padding="same", groups=4)(wide))))


@pytest.mark.parametrize("format", ["onnx", "tflite"])
@pytest.mark.parametrize(
    ("build", "height"),
    [
        (sequential, 8),
        (lambda: two_heads(main_first=True), 8),
        (lambda: two_heads(main_first=False), 8),
        (twice_the_same_layer, 16),
        (cropping, 32),
        (grouped, 16),
    ],
)
def test_the_file_is_the_same_function(build: Any, height: int, format: str, tmp_path: Path) -> None:
    artifact = edgeseg.export(build(), format, "32x64", path=tmp_path / f"net.{format}")
    assert artifact.facts.output.size.height == height
    assert artifact.facts.parity is not None
    assert artifact.facts.parity.agreement_percent == 100
