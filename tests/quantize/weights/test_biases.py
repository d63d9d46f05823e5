"""Channels whose weights are next to nothing, but not their bias."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeseg import quantize
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Artifact
from edgeseg.quantize.weights.biases import hold_biases
from edgeseg.quantize.weights.layers import Layer, Weights, find_network
from tests.quantize.nets import artifact, calibration, opened
from tests.quantize.test_quantizers import FORMATS, outputs, sqnr_db


@pytest.fixture(scope="module", params=FORMATS)
def pruned(request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A network with channels of every layer that always give their bias."""
    network, save = opened(artifact(folder, request.param))
    for number, layer in enumerate(network.layers):
        old = layer.weights()
        kernel, bias = old.kernel.copy(), old.bias.copy()
        kernel[1], bias[1] = 1e-9 * (number % 2), 1
        layer.put(replace(old, kernel=kernel, bias=bias))
    return save(tmp_path_factory.mktemp("pruned") / f"pruned.{request.param}")


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(per_channel=False)])
def test_what_a_pruned_channel_gives_is_kept(pruned: Artifact, recipe: Recipe, tmp_path: Path) -> None:
    int8 = quantize.quantizer(pruned.facts.format)(pruned, recipe, calibration(pruned), tmp_path / pruned.path.name)
    assert sqnr_db(outputs(pruned), outputs(int8)) > 20


@pytest.mark.parametrize("bits", [8, 16])
def test_a_bias_has_so_many_steps_that_32_bits_hold_it(bits: int) -> None:
    held = [Weights(np.full((3, 2, 9), [[[1e-30]], [[0.0]], [[1.0]]]), np.array([-5.0, 1.0, 0.0]))]
    layer = Layer("a", "b", 1, True, lambda: held[-1], held.append)
    network = find_network([layer], lambda name: 3, "b")
    assert hold_biases(network, {"a": (-1.0, 4.0)}, bits) == 2
    assert (held[-1].kernel[2] == 1).all()
    step = {8: 5 / 255, 16: 4 / 32767}[bits]
    steps = np.abs(held[-1].bias) / (step * np.abs(held[-1].kernel).max(axis=(1, 2)) / 127)
    assert steps.max() < 2**31
    assert hold_biases(network, {"a": (-1.0, 4.0)}, bits) == 0
