from __future__ import annotations

from pathlib import Path

import pytest

from tests.exporters.passes.harness import Function, exported, rewrite

PIXEL = {"dim": (2, 3), "keepdim": True}


@pytest.mark.parametrize(
    ("function", "places"),
    [
        (lambda x: x.mean(**PIXEL).expand_as(x), 1),
        (lambda x: x.amax(**PIXEL).expand(-1, -1, 5, 6), 1),
        (lambda x: x.mean(**PIXEL).repeat(1, 1, 5, 6), 1),
        (lambda x: x.mean(3, keepdim=True).expand(-1, -1, -1, 6), 1),
        (lambda x: x.mean(**PIXEL).repeat(1, 2, 5, 6), 0),
        (lambda x: x.repeat(1, 1, 2, 1), 0),
        (lambda x: x.mean(1, keepdim=True).expand_as(x), 0),
    ],
)
def test_is_the_same_function(function, places: int) -> None:
    assert rewrite("spread", Function(function), 2, 3, 5, 6) == places


@pytest.mark.parametrize(
    "function", [lambda x: x.mean(**PIXEL).expand_as(x), lambda x: x.amax(**PIXEL).repeat(1, 1, 16, 32)]
)
def test_on_the_runtime(function, tmp_path: Path) -> None:
    assert "BROADCAST_TO" not in exported(Function(function), "tflite", tmp_path)
