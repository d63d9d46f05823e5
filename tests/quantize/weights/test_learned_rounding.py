from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert.tools import flatbuffer_utils
from numpy.typing import NDArray
from onnx import numpy_helper

from edgeseg import quantize
from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Artifact
from edgeseg.quantize.weights.layers import Layer, Weights, steps
from edgeseg.quantize.weights.learned_rounding import learn_rounding, learned
from edgeseg.quantize.weights.moments import Moments
from edgeseg.quantize.weights.pairs import PAIR_LIMIT, any_two
from tests.quantize.nets import artifact, calibration, opened
from tests.quantize.test_quantizers import FORMATS, batches, outputs, sqnr_db


def coarse(source: Artifact, path: Path) -> Artifact:
    """With one weight an output of every 1x1 and 3x3 that makes the steps of the others wide."""
    network, save = opened(source)
    for layer in network.layers:
        weights = layer.weights()
        if not weights.depthwise:
            kernel = weights.kernel.copy()
            kernel[:, 0, 0] = 8 * np.abs(kernel).max(axis=(1, 2))
            layer.put(replace(weights, kernel=kernel))
    return save(path)


def quantized(source: Artifact, recipe: Recipe, path: Path) -> Artifact:
    samples = replace(calibration(source), batches=batches(source.facts))
    return quantize.quantizer(source.facts.format)(source, recipe, samples, path)


def integers(path: Path) -> list[NDArray[Any]]:
    """The int8 kernels of a file, each as (outputs, weights) with its weights sorted."""
    if path.suffix == ".onnx":
        tensors = [numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer]
        kernels = [tensor for tensor in tensors if tensor.dtype == np.int8 and tensor.ndim == 4]
    else:
        model = flatbuffer_utils.read_model(str(path))
        kernels = []
        for tensor in model.subgraphs[0].tensors:
            data = model.buffers[tensor.buffer].data
            if len(tensor.shape) == 4 and data is not None:
                kernel = np.frombuffer(bytes(data), np.int8).reshape(tensor.shape)
                kernels.append(np.moveaxis(kernel, tensor.quantization.quantizedDimension, 0))
    return [np.sort(kernel.reshape(len(kernel), -1)) for kernel in kernels]


def chosen(source: Artifact, pairs_fit: bool = False) -> list[NDArray[Any]]:
    """The same as they are learned, before anyone writes them."""
    network, _ = opened(source)
    samples = replace(calibration(source), batches=batches(source.facts))
    learn_rounding(network.layers, source, samples, True, pairs_fit)
    found = []
    for layer in network.layers:
        weights = layer.weights()
        paired = pairs_fit and not weights.depthwise
        kernel = np.rint(weights.kernel / steps(weights.kernel, True, paired))
        found.append(np.sort(kernel.astype(np.int8).reshape(len(kernel), -1)))
    return found


@pytest.mark.parametrize("format", FORMATS)
def test_scores_come_nearer_to_the_float_file_s(folder: Path, tmp_path: Path, format: str) -> None:
    """With 16-bit activations, whose noise does not hide that of the weights."""
    source = coarse(artifact(folder, format), tmp_path / f"coarse.{format}")
    expected = outputs(source)
    found = []
    for learn in (False, True):
        recipe = Recipe(precision="int16x8", method="minmax", without=("equalization",), learned_rounding=learn)
        int8 = quantized(source, recipe, tmp_path / f"int8.{format}")
        assert ("learned-rounding" in str(int8.facts.recipe)) == learn
        found.append(sqnr_db(expected, outputs(int8)))
    assert found[1] > found[0] + 4


@pytest.mark.parametrize(("format", "target"), [("onnx", "x86-vnni"), ("onnx", "x86-avx2"), ("tflite", "auto")])
def test_the_file_holds_what_was_chosen(folder: Path, tmp_path: Path, format: str, target: str) -> None:
    source = artifact(folder, format)
    if format == "onnx":
        _, save = opened(source)
        source = save(tmp_path / "prepared.onnx")
    recipe = Recipe(target=target, without=("equalization",), learned_rounding=True, input="float")
    written = integers(quantized(source, recipe, tmp_path / f"int8.{format}").path)
    expected = chosen(source, pairs_fit=target == "x86-avx2")
    assert len(expected) >= 6
    for kernel in expected:
        assert any(np.array_equal(kernel, each) for each in written)


def moments_of(weights: Weights) -> Moments:
    random, found = np.random.default_rng(1), Moments(layer_of(weights))
    columns = weights.groups * weights.kernel[0].size
    found.add(3 + random.normal(size=(500, 4)) @ random.normal(size=(4, columns)))
    return found


def layer_of(weights: Weights) -> Layer:
    return Layer("a", "b", -1, True, lambda: weights, lambda changed: None)


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("pairs_fit", [True, False])
def test_the_scale_is_still_found_and_the_mean_kept(groups: int, per_channel: bool, pairs_fit: bool) -> None:
    kernel = np.random.default_rng(0).normal(size=(8, 16, 1)).astype(np.float32)
    weights = Weights(kernel, np.zeros(8, np.float32), groups)
    moments = moments_of(weights)
    changed = learned(weights, moments, per_channel, pairs_fit)
    after = changed.kernel.astype(np.float32)
    assert np.array_equal(steps(after, per_channel, pairs_fit), steps(kernel, per_channel, pairs_fit))
    step = steps(kernel, per_channel, pairs_fit)
    assert (np.rint(after / step) != np.rint(kernel / step)).mean() > 0.05
    assert np.abs(after - kernel).max() < step.max()
    if pairs_fit:
        assert any_two(np.rint(after / step).reshape(8, -1)).max() <= PAIR_LIMIT
    inputs = np.repeat(moments.mean, 8 // groups, axis=0)
    before, now = ((each.kernel[:, :, 0] * inputs).sum(axis=1) + each.bias for each in (weights, changed))
    assert now == pytest.approx(before, abs=1e-6)


@pytest.mark.parametrize("spread", [0, 0.01, 10])
def test_moments_are_those_of_all_images(spread: float) -> None:
    weights = Weights(np.ones((2, 6, 1), np.float32), np.zeros(2, np.float32))
    random, found = np.random.default_rng(0), Moments(layer_of(weights))
    images = [1000 + spread * random.normal(i, size=(300, 6)).astype(np.float32) for i in range(3)]
    for image in images:
        found.add(image)
    every = np.concatenate(images).astype(np.float64)
    assert found.mean[0] == pytest.approx(every.mean(axis=0), rel=1e-6)
    assert found.covariance[0] == pytest.approx(np.cov(every.T, bias=True), abs=1e-3 * spread**2)


def test_layers_in_float_are_left_alone(folder: Path, tmp_path: Path) -> None:
    source = artifact(folder, "onnx")
    names = [f"node_{name}" for name in ("left", "right", "gate", "scores", "stem")]
    recipe = Recipe(floating=tuple(names), learned_rounding=True)
    facts = quantized(source, recipe, tmp_path / "int8.onnx").facts
    assert "learned-rounding 1," in str(facts.recipe)


def test_what_was_kept_of_images_is_not_enough(folder: Path) -> None:
    source = artifact(folder, "onnx")
    network, _ = opened(source)
    with pytest.raises(InputError, match=r"seen\.npz: learned rounding needs calibration images"):
        none = replace(calibration(source), batches=(), count=0, source="seen.npz")
        learn_rounding(network.layers, source, none, per_channel=True)
