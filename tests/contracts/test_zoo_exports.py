"""Every network of the zoo that is PyTorch's, in both formats, on the real runtimes. None is left out by a list."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import edgeseg
from edgeseg import models
from edgeseg.core.protocols import ExportSpec
from edgeseg.core.types import Artifact, Model, Size
from edgeseg.exporters import declarations, parity, torch_program
from edgeseg.exporters.passes import rewritten
from edgeseg.graphs import read_graph

NETWORKS = [name for name in models.names() if models.card(name).framework == "torch"]
FORMATS = sorted(declared.format for declared in declarations().values() if declared.source == "torch")
REWRITE_ERROR = 1e-5
"""Of the spread, over all layers of a network; a single rewrite is exact to 1e-6."""
UNPOOLED_ELSEWHERE = 0.001
"""Share of values that may lie further off: a rounding error moves what is unpooled to a maximum almost as large."""
SMALL, OTHER = Size(128, 256), Size(192, 320)


def with_statistics(network: nn.Module) -> None:
    """Random weights as the layers draw them, and a batch normalisation that does something in each of its steps."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1, generator=generator)
                module.running_var.uniform_(1, 1.2, generator=generator)
                module.weight.normal_(1, 0.1, generator=generator)
                module.bias.normal_(0, 0.1, generator=generator)


def random_model(name: str, size: Size) -> Model:
    model = models.load(name, weights="random", size=size)
    with_statistics(model.network)
    return model


def check(artifact: Artifact) -> None:
    facts = artifact.facts
    assert facts.notes == ()
    assert facts.parity is not None
    assert facts.parity.max_error <= parity.MAX_ERROR
    assert facts.parity.agreement_percent >= parity.MIN_AGREEMENT_PERCENT
    assert facts.parity.unsteady_percent <= 100 * UNPOOLED_ELSEWHERE
    operators = {node.op for node in read_graph(artifact.path).nodes}
    foreign = {op for op in operators if op.startswith(("CUSTOM", "STABLEHLO", "Flex", "UNKNOWN"))}
    assert not foreign


@pytest.mark.parametrize("name", NETWORKS)
def test_rewrites_are_the_same_function(name: str) -> None:
    program = torch_program.trace(random_model(name, SMALL), ExportSpec(SMALL))
    image = torch.randn(1, 3, SMALL.height, SMALL.width, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = program.network(image)
        for target in FORMATS:
            moved = (rewritten(program.network, target)(image) - expected).abs()
            beyond = (moved > REWRITE_ERROR * (expected.max() - expected.min())).float().mean()
            assert beyond <= UNPOOLED_ELSEWHERE, target


# A TFLite conversion takes longer than the rest together: all are `slow`; every rewrite is tested on LiteRT alone.
@pytest.mark.parametrize("target", [pytest.param(f, marks=[pytest.mark.slow] * (f == "tflite")) for f in FORMATS])
@pytest.mark.parametrize("name", NETWORKS)
def test_exports(name: str, target: str, tmp_path: Path) -> None:
    check(edgeseg.export(random_model(name, SMALL), target, SMALL, path=tmp_path / f"{name}.{target}"))


@pytest.mark.slow
@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("name", NETWORKS)
def test_exports_at_another_size_and_quantizes(name: str, target: str, tmp_path: Path) -> None:
    artifact = edgeseg.export(random_model(name, OTHER), target, OTHER, path=tmp_path / f"{name}.{target}")
    check(artifact)
    integer = edgeseg.quantize(artifact, path=tmp_path / f"{name}_int8.{target}", count=2)
    assert integer.facts.precision == "int8"
