"""Networks that start from torchvision's ImageNet weights; the files are made here, by torchvision's names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from edgeseg import models
from edgeseg.core.errors import InputError
from edgeseg.core.types import Size
from edgeseg.models import zoo
from edgeseg.models.adapters import adapter
from tests.conftest import Run

Shapes = Iterator[tuple[str, tuple[int, ...]]]


def norm(name: str, channels: int) -> Shapes:
    for entry in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{entry}", (channels,)
    yield f"{name}.num_batches_tracked", ()


def resnet18() -> Shapes:
    yield "conv1.weight", (64, 3, 7, 7)
    yield from norm("bn1", 64)
    inputs = 64
    for layer, channels in enumerate((64, 128, 256, 512), 1):
        for block in (f"layer{layer}.0", f"layer{layer}.1"):
            yield f"{block}.conv1.weight", (channels, inputs, 3, 3)
            yield from norm(f"{block}.bn1", channels)
            yield f"{block}.conv2.weight", (channels, channels, 3, 3)
            yield from norm(f"{block}.bn2", channels)
            if inputs != channels:
                yield f"{block}.downsample.0.weight", (channels, inputs, 1, 1)
                yield from norm(f"{block}.downsample.1", channels)
            inputs = channels
    yield "fc.weight", (1000, 512)
    yield "fc.bias", (1000,)


def mobilenet_v2() -> Shapes:
    yield "features.0.0.weight", (32, 3, 3, 3)
    yield from norm("features.0.1", 32)
    channels = (16, *[24] * 2, *[32] * 3, *[64] * 4, *[96] * 3, *[160] * 3, 320)
    for i, (inputs, outputs) in enumerate(zip((32, *channels), channels, strict=False), 1):
        hidden, place = (inputs, 0) if i == 1 else (6 * inputs, 1)
        conv = f"features.{i}.conv"
        if i > 1:
            yield f"{conv}.0.0.weight", (hidden, inputs, 1, 1)
            yield from norm(f"{conv}.0.1", hidden)
        yield f"{conv}.{place}.0.weight", (hidden, 1, 3, 3)
        yield from norm(f"{conv}.{place}.1", hidden)
        yield f"{conv}.{place + 1}.weight", (outputs, hidden, 1, 1)
        yield from norm(f"{conv}.{place + 2}", outputs)
    yield "features.18.0.weight", (1280, 320, 1, 1)
    yield from norm("features.18.1", 1280)
    yield "classifier.1.weight", (1000, 1280)
    yield "classifier.1.bias", (1000,)


FILES = {"resnet": resnet18, "mobilenetv2": mobilenet_v2}


def networks() -> list[tuple[str, str]]:
    """Every network on one of these backbones, with the backbone's name."""
    sources = sorted(Path(zoo.__file__).parent.glob("*.py"))
    return [
        (p.stem, kind) for p in sources for kind in FILES if f"edgeseg.models.backbones.{kind} import" in p.read_text()
    ]


def state(shapes: Shapes) -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(1)
    return {name: torch.rand(shape, generator=draw) if shape else torch.tensor(7) for name, shape in shapes}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("imagenet")
    for kind, shapes in FILES.items():
        torch.save(state(shapes()), folder / f"{kind}.pth")
    return {kind: folder / f"{kind}.pth" for kind in FILES}


def test_both_backbones_are_used() -> None:
    assert {kind for _, kind in networks()} == set(FILES)


@pytest.mark.parametrize(("name", "kind"), networks())
def test_the_backbone_alone_is_filled(name: str, kind: str, files: dict[str, Path]) -> None:
    network = models.build(name, classes=5, backbone=files[kind])
    random = models.build(name, classes=5, weights="random").state_dict()
    backbone = adapter("torch").backbone(network)
    (prefix,) = (where for where, part in network.named_modules() if part is backbone)
    given, used = torch.load(files[kind]), set()
    for entry, value in network.state_dict().items():
        theirs = entry.removeprefix(f"{prefix}.")
        if kind == "mobilenetv2":
            theirs = re.sub(r"^layer\d\.", "features.", theirs)
        if entry.startswith(f"{prefix}.") and theirs in given:
            assert torch.equal(value, given[theirs]), entry
            used.add(theirs)
        else:
            assert torch.equal(value, random[entry]), entry
    assert all(entry.startswith(("fc.", "classifier.", "features.18.")) for entry in given.keys() - used)


def test_only_a_stage_that_torchvision_does_not_halve_may_keep_random_entries(files: dict[str, Path]) -> None:
    network = models.build("fanet", backbone=files["resnet"])
    random = models.build("fanet", weights="random")
    first = network.backbone.layer1[0].downsample[0].weight
    assert torch.equal(first, random.backbone.layer1[0].downsample[0].weight)


def test_a_file_of_another_backbone_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mobilenetv2.pth does not fit the network: 100 missing .*; 262 unexpected "):
        models.build("linknet", backbone=files["mobilenetv2"])
    deeper = {**state(resnet18()), "layer1.2.conv1.weight": torch.zeros(64, 64, 3, 3)}
    torch.save(deeper, tmp_path / "resnet34.pth")
    with pytest.raises(InputError, match=r"resnet34.pth .* 1 unexpected \(layer1.2.conv1.weight\)"):
        models.build("linknet", backbone=tmp_path / "resnet34.pth")


def test_what_a_backbone_cannot_be_given_to(files: dict[str, Path]) -> None:
    file = files["resnet"]
    for name in ("fastscnn", "deeplab_mobilenetv2_dm05"):
        with pytest.raises(InputError, match="has no backbone of torchvision's"):
            models.build(name, size=Size(65, 129), backbone=file)
    with pytest.raises(InputError, match="either weights or a backbone"):
        models.build("linknet", weights=file, backbone=file)
    with pytest.raises(InputError, match=r"torch\.nn:Identity is not of the zoo"):
        models.load("torch.nn:Identity", backbone=file)


def test_training_starts_from_it(files: dict[str, Path], cli: Run) -> None:
    assert models.load("linknet", backbone=files["resnet"]).weights_sha256 is None
    result = cli("train", "linknet", "--backbone", "absent.pth")
    assert result.returncode != 0
    assert "absent.pth: no such weights file" in result.stderr
