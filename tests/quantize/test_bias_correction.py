from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeseg import quantize
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Artifact
from edgeseg.quantize.passes.bias_correction import correct_biases
from tests.quantize.nets import artifact, calibration, opened, seen
from tests.quantize.test_quantizers import FORMATS, outputs


def biased(source: Artifact, path: Path) -> Artifact:
    """With a last layer of which nearly all weights are lost to rounding."""
    network, save = opened(source)
    last = network.layers[-1]
    weights = last.weights()
    kernel = np.full_like(weights.kernel, 0.45 / 127)
    kernel[:, 0] = 1
    last.put(replace(weights, kernel=kernel))
    return save(path)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("per_channel", [True, False])
def test_the_mean_comes_back(folder: Path, tmp_path: Path, format: str, per_channel: bool) -> None:
    source = biased(artifact(folder, format), tmp_path / f"biased.{format}")
    expected, errors = outputs(source), []
    for without in (("bias-correction",), ()):
        recipe = Recipe(per_channel=per_channel, without=("equalization", *without))
        path = tmp_path / f"int8.{format}"
        int8 = quantize.quantizer(source.facts.format)(source, recipe, calibration(source), path)
        errors.append(abs(float((outputs(int8) - expected).mean())))
    assert errors[1] < 0.3 * errors[0]


@pytest.mark.parametrize("format", FORMATS)
def test_every_layer_that_was_seen_is_corrected(folder: Path, tmp_path: Path, format: str) -> None:
    source = artifact(folder, format)
    network, _ = opened(source)
    channels = seen(source, [layer.given for layer in network.layers])
    before = [layer.weights().bias.copy() for layer in network.layers]
    assert correct_biases(network.layers[1:], channels, per_channel=True) == len(network.layers) - 1
    moved = [np.abs(layer.weights().bias - old).max() for layer, old in zip(network.layers, before, strict=True)]
    rounded = [layer.weights().kernel[0].size > 1 for layer in network.layers]  # A single weight is 127 of its steps.
    assert [change > 0 for change in moved] == [False, *rounded[1:]]
