"""The rows of docs/zoo.md: every network the whole way at its card's size, as the command line does it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from edgeseg import models

FORMATS = ("onnx", "tflite")
CELLS = {(name, target, precision) for name in models.names() for target in FORMATS for precision in ("fp32", "int8")}
HOURS = 3600


@pytest.mark.slow
@pytest.mark.timeout(24 * HOURS)
def test_every_cell_of_the_matrix(cli, tmp_path: Path) -> None:
    """EDGESEG_MATRIX names a workspace to go on with; benchmarks/zoo.py makes its tables from the same one."""
    out = Path(os.environ.get("EDGESEG_MATRIX", tmp_path / "matrix"))
    reduced = ("--samples", "4", "--images", "4", "--effort", "quick", "--no-picture")
    done = cli("run", "--all", *reduced, "--table", "json", "--out", out, seconds=24 * HOURS)
    assert done.returncode == 0, done.stdout + done.stderr
    records = json.loads((out / "records.json").read_text())["records"]
    measured = {(each["model"], each["format"], each["precision"]) for each in records if each["network_ms"]}
    assert measured >= CELLS
