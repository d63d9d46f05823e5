from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import edgeseg
from edgeseg import runtimes
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Model, Size
from edgeseg.graphs import read_graph
from edgeseg.quantize.ranges.factors import with_centred_factors

SIZE = Size(16, 24)


class Attention(nn.Module):
    """Two heads over all pixels; keys and values of one layer, none of them about zero."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.pair, self.scores = nn.Conv2d(3, 8, 1), nn.Conv2d(3, 16, 1), nn.Conv2d(8, 3, 1)
        self.pair.bias.data += torch.linspace(0.0, 2.0, 16)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            part.reshape(len(x), 2, 4, -1).transpose(2, 3) for part in (self.query(x), *self.pair(x).chunk(2, 1))
        )
        weights = (query @ key.transpose(2, 3) / 2).softmax(-1)
        return self.scores((weights @ value).transpose(2, 3).reshape(len(x), 8, *x.shape[2:]))


@pytest.fixture(scope="module")
def floating(tmp_path_factory: pytest.TempPathFactory):
    torch.manual_seed(0)
    model = Model("toy", "torch", Attention().eval(), ("a", "b", "c"), size=SIZE)
    return edgeseg.export(model, "tflite", SIZE, path=tmp_path_factory.mktemp("float") / "toy.tflite")


def test_xnnpack_multiplies_in_int8(floating, tmp_path: Path) -> None:
    integer = edgeseg.quantize(floating, recipe=Recipe(input="float"), path=tmp_path / "toy_int8.tflite", count=2)
    image = np.random.default_rng(0).normal(size=(1, 16, 24, 3)).astype(np.float32)
    with runtimes.open_session(integer, threads=1) as session, runtimes.open_session(floating) as source:
        products = [kernel.op for kernel in session.trace(image, 1).kernels if "Matrix Multiply" in kernel.op]
        actual, expected = session(image), source(image)
    assert len(products) == 2
    assert all("QS8" in kernel for kernel in products)
    assert np.abs(actual - expected).mean() < 0.05 * expected.std()


def test_ranges_of_second_factors_alone_have_zero_in_the_middle(floating) -> None:
    names = [node.outputs[0].name for node in read_graph(floating.path).nodes if node.op == "CONV_2D"]
    found = with_centred_factors(floating.path, dict.fromkeys(names, (-1.0, 25.4)))
    assert sorted(found.values()) == [pytest.approx((-25.6, 25.4))] * 2 + [(-1.0, 25.4)] * 2
    assert found[names[-1]] == (-1.0, 25.4)
