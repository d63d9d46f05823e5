"""Small networks through one rewrite, and through the converter onto the real runtime."""

from __future__ import annotations

import importlib
from pathlib import Path

import torch
from torch import Tensor, fx, nn

from edgeseg import runtimes
from edgeseg.core.protocols import ExportSpec
from edgeseg.core.types import Model, Size
from edgeseg.exporters import export_model
from edgeseg.exporters.passes import copied
from edgeseg.graphs import read_graph

EXACT = 1e-6
"""Of the largest value."""

SIZE = Size(16, 32)


class Function(nn.Module):
    """A function of a map as a network."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def traced(network: nn.Module, *shape: int) -> fx.GraphModule:
    return torch.export.export(network.eval(), (torch.zeros(shape),), strict=False).module(check_guards=False)


def rewrite(name: str, network: nn.Module, *shape: int) -> int:
    """At how many places a rewrite changes a network, after checking that it is the same function as before."""
    torch.manual_seed(0)
    graph = traced(network, *shape)
    changed = copied(graph)
    module = importlib.import_module(f"edgeseg.exporters.passes.{name}")
    places = module.rewrite(changed)
    changed.graph.eliminate_dead_code()
    changed.graph.lint()
    changed.recompile()
    with torch.no_grad():
        for x in (torch.randn(shape), torch.randn(shape).round(), torch.zeros(shape)):
            expected, actual = network(x.clone()), changed(x.clone())
            assert actual.shape == expected.shape
            assert (actual - expected).abs().max() <= EXACT * max(1, float(expected.abs().max()))
    assert module.rewrite(changed) == 0, "a rewrite leaves nothing to do"
    return places


def exported(network: nn.Module, format: str, folder: Path) -> list[str]:
    """The operators of the file made of a convolution, the network and another, after checking it on the runtime."""
    torch.manual_seed(0)
    channels = network(torch.zeros(1, 8, 8, 16)).shape[1]
    whole = nn.Sequential(nn.Conv2d(3, 8, 1), network, nn.Conv2d(channels, 3, 1), ToInput())
    model = Model("toy", "torch", whole.eval(), ("a", "b", "c"), size=SIZE)
    artifact = export_model(model, format, ExportSpec(SIZE, head="logits"), folder / f"toy.{format}")
    image = torch.randn(1, 3, SIZE.height, SIZE.width)
    with torch.no_grad():
        expected = whole(image)
    with runtimes.open_session(artifact) as session:
        given = image if format == "onnx" else image.permute(0, 2, 3, 1)
        actual = torch.from_numpy(session(given.contiguous().numpy()))
    actual = actual if format == "onnx" else actual.permute(0, 3, 1, 2)
    assert (actual - expected).abs().max() <= 1e-5 * max(1, float(expected.abs().max()))
    return [node.op for node in read_graph(artifact.path).nodes]


class ToInput(nn.Module):
    """Repeats or thins out the pixels, so that there are as many as in the input."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.interpolate(x, size=(SIZE.height, SIZE.width), mode="bilinear", align_corners=True)


def random_norm(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels)
    for value, low, high in (
        (norm.weight, -2, 2),
        (norm.bias, -1, 1),
        (norm.running_mean, -1, 1),
        (norm.running_var, 0.5, 2),
    ):
        nn.init.uniform_(value, low, high)
    return norm
