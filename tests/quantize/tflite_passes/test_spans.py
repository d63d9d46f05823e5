from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import torch
from torch import Tensor, nn

import edgeseg
from edgeseg import data, runtimes
from edgeseg.core.types import Model, Size
from edgeseg.data.preprocess import Preprocessor
from edgeseg.quantize.tflite_passes.edit import Editor
from edgeseg.quantize.tflite_passes.spans import float_spans
from tests.quantize.test_quantizers import sqnr_db
from tests.quantize.tflite_passes.nets import converted, operators, random

SHAPE = (1, 8, 8, 4)
SIZE = Size(16, 32)


def conv(x: Any) -> Any:
    return tf.nn.conv2d(x, random(3, 3, 4, 4), 1, "SAME")


def normalized(x: Any) -> Any:
    mean = tf.reduce_mean(x, -1, keepdims=True)
    variance = tf.reduce_mean(tf.math.squared_difference(x, mean), -1, keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + 1e-5)


@pytest.mark.parametrize(
    ("function", "held"),
    [
        (lambda x: tf.math.log(1 + tf.exp(conv(x))), ["ADD", "LOG"]),
        (lambda x: tf.where(x > 0, x, tf.exp(x) - 1), ["SELECT", "SUB"]),
        (lambda x: x / (tf.reduce_sum(conv(x) ** 2, -1, keepdims=True) + 1e-6), ["MUL", "SUM", "ADD", "DIV"]),
        (normalized, ["MEAN", "SQUARED_DIFFERENCE", "MEAN", "ADD", "SUB", "RSQRT", "MUL"]),
        (lambda x: x / (conv(x) + tf.nn.relu(conv(x)) + 3), ["ADD", "DIV"]),
        (lambda x: conv(conv(x) + x / 3) * tf.sigmoid(x), []),
    ],
    ids=["softplus", "elu", "quotient", "norm", "sum of two", "plain"],
)
def test_what_no_even_steps_hold_stays_in_float(function: Callable[[Any], Any], held: list[str]) -> None:
    model = converted(lambda x: conv(function(x)), SHAPE)
    look = Editor(model)
    names = dict(zip(map(look.kind, model.subgraphs[0].operators), operators(model), strict=True))
    assert sorted(names[look.kind(op)] for op in float_spans(model)) == sorted(held)


class Spanning(nn.Module):
    """Softplus, and a quotient by what is nothing at most pixels."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.last = nn.Conv2d(8, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.relu(self.second(8 * nn.functional.softplus(8 * self.first(x))) - 60)
        return self.last(x / (x.sum(1, keepdim=True) + 1e-6))


def test_a_network_that_was_spoiled_by_them(tmp_path: Path) -> None:
    model = Model("spanning", "torch", Spanning().eval(), ("a", "b", "c"), size=SIZE)
    floating = edgeseg.export(model, "tflite", SIZE, path=tmp_path / "spanning.tflite")
    integer = edgeseg.quantize(floating, path=tmp_path / "spanning_int8.tflite", count=4)
    images = [image for image, _ in data.open_dataset("scenes", split="val", size=SIZE, limit=3)]
    scores = []
    for artifact in (floating, integer):
        with runtimes.open_session(artifact) as session:
            scores.append(np.stack([session(Preprocessor(artifact.facts.input)(image)) for image in images]))
    assert sqnr_db(*scores) > 20
