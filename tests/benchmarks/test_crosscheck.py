"""The tools of `benchmarks/crosscheck.py`; `slow` is all of them on files of both formats."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import crosscheck

ROOT = Path(__file__).parents[2]


def test_the_median_is_found_where_the_tool_puts_it() -> None:
    assert crosscheck.median_of({"model": "x", "latency": {"avg_ms": 3.0, "median_ms": 2.5}}) == 2.5
    with pytest.raises(SystemExit, match="told no median"):
        crosscheck.median_of({"latency": {"avg_ms": 3.0}})


@pytest.mark.slow
def test_every_tool_times_every_file(workspace: Path) -> None:
    files = [workspace / f"fastscnn_64x128_int8.{format}" for format in ("onnx", "tflite")]
    command = [sys.executable, str(ROOT / "benchmarks" / "crosscheck.py"), *map(str, files), "--rounds", "1"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    onnx, tflite = (line.split("|")[2:-1] for line in result.stdout.splitlines()[2:])
    assert all(float(cell) > 0 for cell in [*onnx[:3], *onnx[4:6], *tflite])
