"""The tables of `benchmarks/accuracy.py`; `slow` is a checkpoint through every quantizer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from edgeseg import models

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import accuracy

ROOT = Path(__file__).parents[2]


def test_losses_and_their_mean_and_worst() -> None:
    rows = [
        accuracy.Row("one", 60.0, {"edgeseg": 59.5, "stock_tflite": 50.0}),
        accuracy.Row("two", 50.0, {"edgeseg": 50.25, "stock_tflite": "cannot"}),
        accuracy.Row("three", "does not convert", {"edgeseg": "", "stock_tflite": ""}),
    ]
    makers = {"edgeseg": "edgeseg", "stock_tflite": "ai-edge-quantizer"}
    assert accuracy.lines_of("tflite", makers, rows)[4:-1] == [
        "| one | 60.00 | +0.50 | +10.00 |",
        "| two | 50.00 | -0.25 | cannot |",
        "| three | does not convert |  |  |",
        "| mean loss |  | +0.12 of 2 | +10.00 of 1 |",
        "| worst loss |  | +0.50 | +10.00 |",
    ]


@pytest.mark.slow
def test_every_column_of_a_checkpoint(tmp_path: Path) -> None:
    torch.save(models.build("enet").state_dict(), tmp_path / accuracy.PUBLISHED["enet"][0])
    command = [sys.executable, str(ROOT / "benchmarks" / "accuracy.py"), str(tmp_path), "scenes"]
    options = ["--networks", "enet", "--samples", "2", "--images", "2", "--size", "64x128"]
    for _ in range(2):
        result = subprocess.run([*command, *options, "--out", str(tmp_path)], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
    onnx, tflite = (line for line in result.stdout.splitlines() if line.startswith("| enet"))
    assert all(-100 <= float(cell) <= 100 for cell in [*onnx.split("|")[2:5], *tflite.split("|")[2:5]])
