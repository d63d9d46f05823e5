from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg import quantize
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Artifact
from edgeseg.quantize.channels import Channels
from edgeseg.quantize.layers import Layer, Link, Weights
from edgeseg.quantize.passes.equalization import equalize
from tests.quantize.nets import LINKS, artifact, calibration, opened, seen, spread
from tests.quantize.test_quantizers import FORMATS, outputs, sqnr_db


def equalized(source: Artifact, path: Path) -> tuple[Artifact, int]:
    network, save = opened(source)
    tensors = [name for link in network.links for name in link.tensors]
    count = equalize(network.links, seen(source, tensors))
    return save(path), count


def extent(source: Artifact, link: Link) -> NDArray[np.float64]:
    """Of the channels, over the tensors of a link."""
    channels = seen(source, link.tensors)
    widest: NDArray[np.float64] = np.max([channels[name].extent for name in link.tensors], axis=0)
    return widest


@pytest.mark.parametrize("format", FORMATS)
def test_the_function_stays(folder: Path, tmp_path: Path, format: str) -> None:
    source = artifact(folder, format)
    planted = spread(source, tmp_path / f"spread.{format}")
    balanced, count = equalized(planted, tmp_path / f"equal.{format}")
    assert count == LINKS[format]
    expected = outputs(source)
    for changed in (planted, balanced):
        assert np.abs(outputs(changed) - expected).max() < 1e-5 * np.ptp(expected)


@pytest.mark.parametrize("format", FORMATS)
def test_channels_come_to_one_range(folder: Path, tmp_path: Path, format: str) -> None:
    planted = spread(artifact(folder, format), tmp_path / f"spread.{format}")
    balanced, _ = equalized(planted, tmp_path / f"equal.{format}")
    for link in opened(planted)[0].links:
        before, after = (extent(each, link) for each in (planted, balanced))
        assert before.max() > 300 * before.min()
        assert after.max() < 30 * after.min()
        assert after.max() == pytest.approx(before.max(), rel=1e-4)


@pytest.mark.parametrize("format", FORMATS)
def test_a_network_of_uneven_channels_gains_ten_decibels(folder: Path, tmp_path: Path, format: str) -> None:
    source = artifact(folder, format)
    planted = spread(source, tmp_path / f"spread.{format}")
    expected = outputs(source)
    gained = []
    for without in (("equalization",), ()):
        path = tmp_path / f"int8.{format}"
        int8 = quantize.quantizer(planted.facts.format)(planted, Recipe(without=without), calibration(planted), path)
        assert int8.facts.recipe is not None
        assert (f"equalization {LINKS[format]}" in int8.facts.recipe) is not bool(without)
        gained.append(sqnr_db(expected, outputs(int8)))
    assert gained[1] > gained[0] + 10
    assert gained[1] > 25


@pytest.mark.parametrize("format", FORMATS)
def test_dead_and_unread_channels_break_nothing(folder: Path, tmp_path: Path, format: str) -> None:
    network, save = opened(spread(artifact(folder, format), tmp_path / f"spread.{format}"))
    for link in network.links:
        first = link.first.weights()
        alive = np.arange(len(first.kernel)) != 1
        link.first.put(replace(first, kernel=first.kernel * alive[:, None, None], bias=first.bias * alive))
        for layer in link.readers:
            taken = layer.weights()
            layer.put(replace(taken, kernel=taken.kernel * (taken.reads != 2)[:, :, None]))
    dead = save(tmp_path / f"dead.{format}")
    balanced, count = equalized(dead, tmp_path / f"equal.{format}")
    assert count
    expected = outputs(dead)
    assert np.abs(outputs(balanced) - expected).max() < 1e-5 * np.ptp(expected)


@pytest.mark.parametrize("format", FORMATS)
def test_weights_of_one_scale_are_left_alone(folder: Path, tmp_path: Path, format: str) -> None:
    source = artifact(folder, format)
    recipe = Recipe(per_channel=False)
    int8 = quantize.quantizer(source.facts.format)(source, recipe, calibration(source), tmp_path / f"int8.{format}")
    assert int8.facts.recipe is not None
    assert "equalization" not in int8.facts.recipe


def test_nothing_is_equalized_that_was_always_zero() -> None:
    weights = Weights(np.ones((2, 2, 1)), np.zeros(2))
    layer = Layer("a", "b", 1, True, lambda: weights, lambda changed: pytest.fail("written"))
    zero = Channels()
    zero.add(np.zeros((1, 2, 4, 4), np.float32), 1)
    assert equalize([Link(layer, (layer,), ("b",))], {"b": zero}) == 0
