"""The fuzz as its user runs it; `slow` is all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "fuzz.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_few_networks() -> None:
    result = fuzz("--graphs", "2", "--format", "onnx", "--jobs", "1")
    assert result.returncode == 0, result.stderr + result.stdout
    assert "| onnx | 2 | 0 | 0 | 0 | 0 |" in result.stdout


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_500_networks() -> None:
    result = fuzz("--graphs", "500", "--jobs", str(os.cpu_count() or 1))
    assert result.returncode == 0, result.stderr + result.stdout
