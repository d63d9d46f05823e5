from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from tests.exporters.passes.harness import Function, exported, rewrite

LIKE = (12, 20)


@pytest.mark.parametrize(
    ("resize", "places"),
    [
        (partial(interpolate, size=LIKE, mode="bilinear"), 1),
        (partial(interpolate, size=LIKE, mode="bilinear", align_corners=True), 1),
        (partial(interpolate, scale_factor=1, mode="bicubic"), 1),
        (partial(interpolate, size=LIKE), 1),
        (partial(interpolate, size=LIKE, mode="nearest-exact"), 1),
        (partial(interpolate, size=(12, 21), mode="bilinear"), 0),
        (partial(interpolate, scale_factor=1.04, mode="bilinear"), 0),
        (partial(interpolate, scale_factor=(1.04, 1), mode="nearest"), 0),
    ],
)
def test_is_the_same_function(resize, places: int) -> None:
    assert rewrite("idle_resize", Function(lambda x: torch.relu(resize(x + 1))), 2, 3, *LIKE) == places


def test_what_is_changed_in_place_stays_apart() -> None:
    def changed(x: Tensor) -> Tensor:
        other = interpolate(x, size=LIKE, mode="bilinear")
        other += 1
        return torch.cat([x, other], 1)

    def changed_before(x: Tensor) -> Tensor:
        x = x * 2
        other = interpolate(x, size=LIKE, mode="bilinear")
        return torch.cat([torch.relu_(x), other], 1)

    assert rewrite("idle_resize", Function(changed), 2, 3, *LIKE) == 0
    assert rewrite("idle_resize", Function(changed_before), 2, 3, *LIKE) == 0


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_no_resizing_in_the_file(format: str, tmp_path: Path) -> None:
    network = Function(lambda x: torch.relu(interpolate(x, size=x.shape[2:], mode="bilinear")))
    assert exported(network, format, tmp_path).count("Resize" if format == "onnx" else "RESIZE_BILINEAR") == 0
