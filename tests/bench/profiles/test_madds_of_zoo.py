"""The counter on files of the zoo's networks, against torch's own and against published figures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import edgeseg
from edgeseg import models
from edgeseg.bench.profiles.madds import count_madds
from edgeseg.core.types import Size
from edgeseg.graphs import read_graph
from tests.models.golden import Golden

SIZE = Size(64, 128)
QUICK = {"fastscnn", "deeplab_mobilenetv2_dm05"}

PUBLISHED = [
    ("deeplab_mobilenetv2_os16", "1025x2049", 21.27),
    ("deeplab_mobilenetv2_os16", "513x513", 2.75),
    ("deeplab_mobilenetv2_dm05_os8", "513x513", 2.84),
    ("deeplab_xception65_os16", "1025x2049", 418.64),
    ("deeplab_xception65_os16", "513x513", 54.17),
    ("deeplab_xception71_dpc_os16", "1025x2049", 502.07),
    ("deeplab_edgetpu_os16", "513x513", 7.1),
]
"""Golden file, size, billions: of DeepLab's model zoo and the Cityscapes table beside it."""


def networks() -> Any:
    marks = [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in models.names()]
    return pytest.mark.parametrize("name", marks)


@networks()
def test_a_file_has_half_of_the_flops_of_its_network(name: str, tmp_path: Path) -> None:
    model = models.load(name, weights="random", size=SIZE)
    artifact = edgeseg.export(model, "onnx", SIZE, path=tmp_path / "net.onnx")
    expected = keras_madds(model.network) if model.framework == "keras" else half_of_torch_flops(model.network)
    assert count_madds(read_graph(artifact.path)) == expected > 0


def half_of_torch_flops(network: Any) -> int:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.zeros(1, 3, SIZE.height, SIZE.width))
    return counter.get_total_flops() // 2


def keras_madds(network: Any) -> int:
    """Torch's counter does not see Keras: from the shapes of kernels and outputs."""
    import keras

    kinds = keras.layers.Conv2D | keras.layers.DepthwiseConv2D
    convolutions = [layer for layer in network.layers if isinstance(layer, kinds)]
    return sum(math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape) for layer in convolutions)


@pytest.mark.parametrize(("name", "size", "billions"), PUBLISHED)
def test_published_figures_of_deeplab(name: str, size: str, billions: float) -> None:
    """`tests/models/test_zoo.py` holds our networks to the same counts exactly."""
    counts = {known: count for known, _, count in Golden(name).facts["madds"]}
    assert counts[size] / 1e9 == pytest.approx(billions, rel=0.01)


def test_published_figure_of_slim_edgetpu() -> None:
    """The golden file has fewer last channels than the published one has, and than ours by default."""
    network = models.build("deeplab_edgetpu_slim", weights="random", size=Size(513, 513))
    assert keras_madds(network) / 1e9 == pytest.approx(4.3, rel=0.01)
