"""More threads than a machine can have, or than this one has cores for, are refused before anything runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.small import small_onnx

COMMANDS = {
    "bench": ("bench", "net.onnx"),
    "profile": ("bench", "--profile", "net.onnx"),
    "run": ("run", "fastscnn"),
    "quantize": ("quantize", "--int8", "net.onnx"),
    "gate": ("gate", "--baseline", "net.onnx", "--candidate", "net.onnx"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_threads_far_above_the_cores(cli, tmp_path: Path, onnx: Path, command: tuple[str, ...]) -> None:
    too_many = str(4 * max(4, os.cpu_count() or 1) + 1)
    done = cli(*command, "--threads", too_many)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert f"{too_many} threads: too many for the" in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.onnx"]


def test_threads_of_no_machine(cli, tmp_path: Path, onnx: Path) -> None:
    done = cli("bench", "net.onnx", "--threads", "100000", "--device", "ssh://board")
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert "--threads" in line
    assert "less than or equal to 1024" in line


@pytest.fixture
def onnx(tmp_path: Path) -> Path:
    return small_onnx(tmp_path / "net.onnx")
