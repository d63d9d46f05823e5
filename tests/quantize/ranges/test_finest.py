from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import edgeseg
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Model, Size
from edgeseg.graphs import read_graph
from edgeseg.quantize.ranges.finest import with_wide_results

SIZE = Size(16, 24)
RUN = """
import sys
import numpy as np
from pathlib import Path
from edgeseg import runtimes
from edgeseg.core.container import read_facts
from edgeseg.core.types import Artifact

floating, integer = (Artifact(Path(path), read_facts(Path(path))) for path in sys.argv[1:])
image = np.random.default_rng(0).normal(scale=0.5, size=floating.facts.input.shape).astype(np.float32)
with runtimes.open_session(floating) as one, runtimes.open_session(integer) as other:
    expected, actual = one(image), other(image)
error = np.abs(actual - expected).mean() / expected.std()
assert error < 0.05, error
"""


class Cancelling(nn.Module):
    """Scores to which the sum of two convolutions adds next to nothing."""

    def __init__(self, left: float) -> None:
        super().__init__()
        self.one, self.other = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(3, 8, 3, padding=1)
        self.sum, self.scores = nn.Conv2d(8, 3, 1), nn.Conv2d(3, 3, 1)
        self.other.weight.data = -self.one.weight.data * (1 - left)
        self.other.bias.data = -self.one.bias.data

    def forward(self, x: Tensor) -> Tensor:
        return self.sum(self.one(x) + self.other(x)) + self.scores(x)


class Faint(nn.Module):
    """Scores from a depthwise convolution with large weights on a channel that is next to nothing."""

    def __init__(self, weights: float, depthwise: nn.Module) -> None:
        super().__init__()
        self.one, self.depthwise, self.scores = nn.Conv2d(3, 4, 3, padding=1), depthwise, nn.Conv2d(4, 3, 1)
        self.one.weight.data[0] *= 1e-8
        self.one.bias.data[0] *= 1e-8
        depthwise.weight.data[0] *= weights
        depthwise.bias.data[0] = 0.0

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.depthwise(self.one(x)))


@pytest.mark.parametrize("left", [1e-4, 1e-6])
def test_a_sum_that_cancels_runs(left: float, tmp_path: Path) -> None:
    torch.manual_seed(0)
    _check_int8_runs(Cancelling(left), Recipe(input="float"), tmp_path)


@pytest.mark.parametrize("weights", [1e5, 2e5])
@pytest.mark.parametrize("layer", [nn.Conv2d, nn.ConvTranspose2d])
def test_large_weights_on_a_channel_next_to_nothing_run(layer: type, weights: float, tmp_path: Path) -> None:
    torch.manual_seed(0)
    recipe = Recipe(input="float", without=("equalization",))
    _check_int8_runs(Faint(weights, layer(4, 4, 3, padding=1, groups=4)), recipe, tmp_path)


def test_what_is_moved_is_stored_as_it_was(tmp_path: Path) -> None:
    layers = nn.Conv2d(3, 4, 1), nn.MaxPool2d(2), nn.Conv2d(4, 3, 1)
    network = nn.Sequential(*layers, nn.UpsamplingBilinear2d(scale_factor=2))
    model = Model("toy", "torch", network.eval(), ("a", "b", "c"), size=SIZE)
    path = edgeseg.export(model, "tflite", SIZE, path=tmp_path / "toy.tflite").path
    first, moved, last = (node.outputs[0].name for node in read_graph(path).nodes)
    largest = float(layers[2].weight.detach().abs().max())
    wide = with_wide_results(path, {first: (-10.0, 30.0), moved: (0.0, 1.0), last: (0.0, 1e-6)})
    assert wide == {first: (-10.0, 30.0), moved: (-10.0, 30.0), last: (0.0, pytest.approx(40 * largest / (127 * 255)))}


def _check_int8_runs(module: nn.Module, recipe: Recipe, folder: Path) -> None:
    model = Model("toy", "torch", module.eval(), ("a", "b", "c"), size=SIZE)
    floating = edgeseg.export(model, "tflite", SIZE, path=folder / "toy.tflite")
    integer = edgeseg.quantize(floating, recipe=recipe, path=folder / "toy_int8.tflite", count=2)
    command = [sys.executable, "-c", RUN, str(floating.path), str(integer.path)]
    done = subprocess.run(command, capture_output=True, text=True)  # LiteRT would take this process with it.
    assert done.returncode == 0, done.stderr
