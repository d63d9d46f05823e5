"""Every framework x format x precision that the files on disk declare, each with a real network on real runtimes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgeseg
from edgeseg import data, exporters, models, quantize, runtimes
from edgeseg.core.container import read_facts
from edgeseg.core.types import Artifact, Model, Size
from edgeseg.data.preprocess import Preprocessor
from edgeseg.exporters import parity

NETWORKS = {"torch": "fastscnn", "keras": "deeplab_mobilenetv2"}
SIZES = {"torch": Size(128, 256), "keras": Size(129, 257)}
CELLS = [
    pytest.param(NETWORKS[declared.source], declared.format, id=f"{NETWORKS[declared.source]}-{declared.format}")
    for declared in exporters.declarations().values()
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cells")


def model(network: str) -> Model:
    framework = models.card(network).framework
    return models.load(network, size=SIZES[framework])


def exported(network: str, target: str, folder: Path) -> Artifact:
    path = folder / f"{network}.{target}"
    if path.exists():
        facts = read_facts(path)
        assert facts is not None
        return Artifact(path, facts)
    return edgeseg.export(model(network), target, path=path)


def test_every_format_that_is_exported_can_be_quantized_and_run() -> None:
    formats = {declared.format for declared in exporters.declarations().values()}
    assert formats == {declared.format for declared in quantize.declarations().values()}
    assert formats <= {declared.format for declared in runtimes.declarations().values()}
    assert {(d.source, d.format) for d in exporters.declarations().values()} == {
        (source, target) for source in NETWORKS for target in formats
    }


@pytest.mark.parametrize(("network", "target"), CELLS)
def test_float(network: str, target: str, folder: Path) -> None:
    artifact = exported(network, target, folder)
    facts = artifact.facts
    assert (facts.model, facts.format, facts.precision, facts.output.head) == (network, target, "fp32", "scores")
    assert facts.parity is not None
    assert facts.parity.max_error <= parity.MAX_ERROR
    assert facts.parity.agreement_percent >= parity.MIN_AGREEMENT_PERCENT
    assert facts.params
    assert facts.madds
    assert facts.notes == ()


@pytest.mark.parametrize(("network", "target"), CELLS)
def test_int8(network: str, target: str, folder: Path) -> None:
    floating = exported(network, target, folder)
    integer = edgeseg.quantize(floating, path=folder / f"{network}_int8.{target}", count=4)
    facts = integer.facts
    assert read_facts(integer.path) == facts
    assert (facts.model, facts.precision, facts.parent_sha256) == (network, "int8", floating.sha256)
    assert facts.parity == floating.facts.parity
    assert facts.output.dtype in ("int8", "uint8")
    assert integer.size_bytes < 0.5 * floating.size_bytes
    image, _ = data.open_dataset("scenes", size=facts.input.size, limit=1)[0]
    with runtimes.open_session(floating) as one, runtimes.open_session(integer) as other:
        expected = one(Preprocessor(floating.facts.input)(image))
        batch = Preprocessor(facts.input)(image)
        actual = other(batch)
        if floating.facts.output.layout != facts.output.layout:
            expected = expected.transpose(0, 2, 3, 1)
        assert actual.shape == expected.shape
        noise = float(np.square(actual - expected).mean())
        assert noise < 0.1 * float(np.square(expected - expected.mean()).mean())
        assert other.classmap(batch).shape == (1, facts.input.size.height, facts.input.size.width)
