"""Channels whose weights are next to nothing, but not their bias."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeseg import quantize
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Artifact
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


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(precision="int16x8"), Recipe(per_channel=False)])
def test_what_a_pruned_channel_gives_is_kept(pruned: Artifact, recipe: Recipe, tmp_path: Path) -> None:
    int8 = quantize.quantizer(pruned.facts.format)(pruned, recipe, calibration(pruned), tmp_path / pruned.path.name)
    assert sqnr_db(outputs(pruned), outputs(int8)) > 20
