"""Every network of the zoo that is PyTorch's, in both formats, on the real runtimes. None is left out by a list."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import edgeseg
from edgeseg import models
from edgeseg.core.types import Artifact, Model, Size
from edgeseg.exporters import declarations, parity
from edgeseg.graphs import read_graph

NETWORKS = [name for name in models.names() if models.card(name).framework == "torch"]
FORMATS = sorted(declared.format for declared in declarations().values() if declared.source == "torch")
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
    operators = {node.op for node in read_graph(artifact.path).nodes}
    foreign = {op for op in operators if op.startswith(("CUSTOM", "STABLEHLO", "Flex", "UNKNOWN"))}
    assert not foreign


@pytest.mark.parametrize("name", NETWORKS)
def test_exports_to_every_format(name: str, tmp_path: Path) -> None:
    model = random_model(name, SMALL)
    for target in FORMATS:
        check(edgeseg.export(model, target, SMALL, path=tmp_path / f"{name}.{target}"))


@pytest.mark.slow
@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("name", NETWORKS)
def test_exports_at_another_size_and_quantizes(name: str, target: str, tmp_path: Path) -> None:
    artifact = edgeseg.export(random_model(name, OTHER), target, OTHER, path=tmp_path / f"{name}.{target}")
    check(artifact)
    integer = edgeseg.quantize(artifact, path=tmp_path / f"{name}_int8.{target}", count=2)
    assert integer.facts.precision == "int8"
