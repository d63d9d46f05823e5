"""Sizes and checkpoints of LightNet's networks on MobileNetV2."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from edgeseg import models
from edgeseg.core.errors import InputError
from edgeseg.core.types import Size
from tests.models.golden import run_meta

TAKES = {
    "mobilenetv2plus": ("8x8", "104x247", "448x896"),
    "rf_mobilenetv2plus": ("8x8", "104x247", "448x896"),
    "mobilenetv2sdaspp": ("1x1", "65x129", "448x896"),
    "mobilenetv2vortex": ("1x1", "65x129", "448x896"),
    "mobilenetv2share": ("16x16", "112x256", "448x896"),
}
REFUSES = {
    "mobilenetv2plus": ("4x256", "102x256", "65x129"),
    "rf_mobilenetv2plus": ("4x256", "102x256", "65x129"),
    "mobilenetv2share": ("8x256", "104x256", "128x255"),
}


@pytest.mark.parametrize(("name", "size"), [(name, size) for name, sizes in TAKES.items() for size in sizes])
def test_size_that_it_takes(name: str, size: str) -> None:
    wanted = Size.parse(size)
    assert run_meta(models.build(name).to("meta"), wanted) == (1, 19, wanted.height, wanted.width)


@pytest.mark.parametrize(("name", "size"), [(name, size) for name, sizes in REFUSES.items() for size in sizes])
def test_size_that_it_refuses_with_one_that_works(name: str, size: str) -> None:
    network = models.build(name).to("meta")
    with pytest.raises(InputError, match=rf"{name} cannot take {size}; it takes .+, for example \d+x\d+") as error:
        run_meta(network, Size.parse(size))
    assert run_meta(network, Size.parse(str(error.value).rpartition(" ")[2]))


def test_takes_a_checkpoint_as_published(tmp_path: Path) -> None:
    source = models.build("mobilenetv2sdaspp", weights="random").state_dict()
    source["score.conv.2.bias"].fill_(3)
    state = {f"module.{name}": value for name, value in source.items() if not name.endswith("num_batches_tracked")}
    torch.save({"epoch": 9, "model_state": state, "optimizer_state": {}}, tmp_path / "published.pth")
    filled = models.build("mobilenetv2sdaspp", weights=tmp_path / "published.pth").state_dict()
    assert all(torch.equal(filled[name.removeprefix("module.")], value) for name, value in state.items())
