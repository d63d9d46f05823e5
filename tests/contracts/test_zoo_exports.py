"""Every network of the zoo in both formats, on the real runtimes. None is left out by a list."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import edgeseg
from edgeseg import models
from edgeseg.core.protocols import ExportSpec
from edgeseg.core.types import Artifact, Format, Framework, Model, Size
from edgeseg.exporters import declarations, maxima, parity, torch_program
from edgeseg.exporters.passes import rewritten
from edgeseg.graphs import read_graph
from tests.models.golden import goldens

LARGE, DEEP = 25_000_000, 220
"""Parameters, and arrays of them, from which on a conversion takes so long that it is `slow`."""
REWRITE_ERROR = 1e-5
"""Of the spread, over all layers of a network; a single rewrite is exact to 1e-6."""
UNPOOLED_ELSEWHERE = 0.001
"""Share of values that may lie further off: a rounding error moves what is unpooled to a maximum almost as large."""
SMALL, OTHER = Size(128, 256), Size(192, 320)


def formats(name: str) -> list[Format]:
    """What there are exporters to."""
    framework = models.card(name).framework
    return sorted(declared.format for declared in declarations().values() if declared.source == framework)


def networks(framework: Framework | None = None) -> Any:
    """A case for every network of the zoo, or every one of a framework."""
    names = [name for name in models.names() if framework in (None, models.card(name).framework)]
    return pytest.mark.parametrize("name", [pytest.param(name, marks=_marks(name)) for name in names])


def networks_and_formats(slow: Collection[Format] = ()) -> Any:
    """A case for every network in every format."""
    pairs = [(name, target) for name in models.names() for target in formats(name)]
    cases = [pytest.param(*pair, marks=_marks(pair[0], pair[1] in slow or _is_deep(pair[0]))) for pair in pairs]
    return pytest.mark.parametrize(("name", "target"), cases)


def _marks(name: str, slow: bool = False) -> list[pytest.MarkDecorator]:
    large = any(golden.card == name and golden.facts["params"] > LARGE for golden in goldens())
    return [pytest.mark.slow] * (slow or large)


def _is_deep(name: str) -> bool:
    return any(golden.card == name and len(golden.variables) > DEEP for golden in goldens())


def with_statistics(network: Any) -> None:
    """Random weights as the layers draw them, and a batch normalisation that does something in each of its steps."""
    if isinstance(network, nn.Module):
        _with_statistics(network)
        return
    draw = np.random.default_rng(0)
    for layer in network._flatten_layers():
        if type(layer).__name__ == "BatchNormalization":
            each = layer.gamma.shape
            scales, shifts, means = draw.normal(1, 0.1, each), draw.normal(0, 0.1, each), draw.normal(0, 0.1, each)
            layer.set_weights([scales, shifts, means, draw.uniform(1, 1.2, each)])


def _with_statistics(network: nn.Module) -> None:
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
    assert facts.parity.tie_error <= parity.MAX_TIE_ERROR
    operators = {node.op for node in read_graph(artifact.path).nodes}
    foreign = {op for op in operators if op.startswith(("CUSTOM", "STABLEHLO", "Flex", "UNKNOWN"))}
    assert not foreign


@networks("torch")
def test_rewrites_are_the_same_function(name: str) -> None:
    program = torch_program.trace(random_model(name, SMALL), ExportSpec(SMALL))
    image = torch.randn(1, 3, SMALL.height, SMALL.width, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = program.network(image)
        for target in formats(name):
            moved = (rewritten(program.network, target)(image) - expected).abs()
            beyond = (moved > REWRITE_ERROR * (expected.max() - expected.min())).float().mean()
            assert beyond <= UNPOOLED_ELSEWHERE, target


# A TFLite conversion takes longer than the rest together: all are `slow`; every rewrite is tested on LiteRT alone.
@networks_and_formats(slow=("tflite",))
def test_exports(name: str, target: Format, tmp_path: Path) -> None:
    model = random_model(name, SMALL)
    artifact = edgeseg.export(model, target, SMALL, path=tmp_path / f"{name}.{target}")
    check(artifact)
    if isinstance(model.network, nn.Module):
        unpoolings = [module for module in model.network.modules() if isinstance(module, nn.MaxUnpool2d)]
        assert len(maxima.comparisons(read_graph(artifact.path))) == len(unpoolings)


@pytest.mark.slow
@networks_and_formats()
def test_exports_at_another_size_and_quantizes(name: str, target: Format, tmp_path: Path) -> None:
    artifact = edgeseg.export(random_model(name, OTHER), target, OTHER, path=tmp_path / f"{name}.{target}")
    check(artifact)
    integer = edgeseg.quantize(artifact, path=tmp_path / f"{name}_int8.{target}", count=2)
    assert integer.facts.precision == "int8"
