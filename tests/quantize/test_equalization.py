from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeseg import quantize
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Artifact
from edgeseg.quantize.passes.equalization import equalize
from edgeseg.quantize.ranges.channels import Channels
from edgeseg.quantize.weights.layers import Layer, Network, Step, Weights, find_network
from tests.quantize.nets import artifact, calibration, opened, seen, spread
from tests.quantize.test_quantizers import FORMATS, outputs, sqnr_db

UNEQUAL = {"onnx": 15, "tflite": 11}
"""Tensors whose channels can have other units."""


def free(network: Network) -> list[str]:
    return [name for name, units in network.units.items() if units.any()]


def equalized(source: Artifact, path: Path) -> tuple[Artifact, int]:
    network, save = opened(source)
    count = equalize(network, seen(source, [*free(network), *(layer.given for layer in network.layers)]))
    return save(path), count


@pytest.mark.parametrize("format", FORMATS)
def test_the_function_stays(folder: Path, tmp_path: Path, format: str) -> None:
    source = artifact(folder, format)
    planted = spread(source, tmp_path / f"spread.{format}")
    balanced, count = equalized(planted, tmp_path / f"equal.{format}")
    assert count == UNEQUAL[format]
    expected = outputs(source)
    for changed in (planted, balanced):
        assert np.abs(outputs(changed) - expected).max() < 1e-5 * np.ptp(expected)


@pytest.mark.parametrize("format", FORMATS)
def test_channels_come_to_one_range(folder: Path, tmp_path: Path, format: str) -> None:
    planted = spread(artifact(folder, format), tmp_path / f"spread.{format}")
    balanced, _ = equalized(planted, tmp_path / f"equal.{format}")
    names = free(opened(planted)[0])
    before, after = (seen(each, names) for each in (planted, balanced))
    evenness = [
        [np.median(extent) / extent.max() for extent in (channels[name].extent for name in names)]
        for channels in (before, after)
    ]
    assert np.median(evenness[0]) < 0.1
    assert np.median(evenness[1]) > 0.4
    assert min(evenness[1]) > 0.15
    for name in names:
        assert after[name].extent.max() < 1.001 * before[name].extent.max()


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
        assert ("equalization" in int8.facts.recipe) is not bool(without)
        gained.append(sqnr_db(expected, outputs(int8)))
    assert gained[1] > gained[0] + 10
    assert gained[1] > 25


@pytest.mark.parametrize("format", FORMATS)
def test_dead_and_unread_channels_break_nothing(folder: Path, tmp_path: Path, format: str) -> None:
    network, save = opened(spread(artifact(folder, format), tmp_path / f"spread.{format}"))
    for layer in network.layers[:-1]:
        old = layer.weights()
        alive = np.arange(len(old.kernel)) != 1
        kernel = old.kernel * alive[:, None, None] * (old.reads != 2)[:, :, None]
        layer.put(replace(old, kernel=kernel, bias=old.bias * alive))
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
    layers = [Layer(a, b, 1, True, lambda: weights, lambda changed: pytest.fail("written")) for a, b in ("ab", "bc")]
    network = find_network(layers, lambda name: 2, "c")
    zero = Channels()
    zero.add(np.zeros((1, 2, 4, 4), np.float32), 1)
    assert network.count == 3
    assert equalize(network, {"a": zero, "b": zero}) == 0


def test_channels_beside_others_that_keep_their_unit_come_to_the_range_of_those() -> None:
    """Of 19 channels that are joined, 3 are the image's; one of the others is a thousand times as wide."""
    random = np.random.default_rng(0)
    held = {"a": Weights(random.normal(size=(16, 3, 1)), np.zeros(16)), "d": Weights(np.ones((5, 19, 1)), np.zeros(5))}
    held["d"].kernel[:, 5] /= 1000
    layers = [
        Layer(
            given,
            result,
            1,
            True,
            lambda name=given: held[name],
            lambda changed, name=given: held.update({name: changed}),
        )
        for given, result in (("a", "b"), ("d", "e"))
    ]
    join = Step("join", ("b", "a"), ("d",))
    network = find_network([layers[0], join, layers[1]], {"a": 3, "b": 16, "d": 19, "e": 5}.__getitem__, "e")
    image, joined = (Channels() for _ in range(2))
    values = random.normal(size=(1, 19, 8, 8)).astype(np.float32)
    image.add(values[:, 16:], 1)
    values[:, 5] *= 1000
    joined.add(values, 1)
    old = joined.extent
    assert equalize(network, {"a": image, "d": joined}) == 1
    factors = held["d"].kernel[0] / np.where(np.arange(19) == 5, 0.001, 1)[:, None]
    assert (factors[16:] == 1).all()
    assert (old / factors[:, 0]).max() < 10
