"""The rows of docs/zoo.md: every network the whole way at its card's size, as the command line does it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeseg import models


@pytest.mark.slow
@pytest.mark.parametrize("name", models.names())
def test_every_cell_of_the_matrix(cli, tmp_path: Path, name: str) -> None:
    done = cli("run", name, "--samples", "1", "--images", "1", "--no-picture", "--table", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    records = json.loads((tmp_path / "edgeseg-out" / "records.json").read_text())["records"]
    cells = {(record["format"], record["precision"]) for record in records}
    assert cells == {(target, precision) for target in ("onnx", "tflite") for precision in ("fp32", "int8")}
    assert all(record["network_ms"] for record in records)
