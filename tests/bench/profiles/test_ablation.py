"""The table of what each pass bought."""

from __future__ import annotations

import json
from pathlib import Path

from edgeseg.bench.profiles.ablation import Ablated, write_ablation


def test_a_table_says_what_changed_and_what_could_not_be_made(tmp_path: Path) -> None:
    whole, without = Ablated("", 1e-3, 1.0, 100.0), Ablated("grouped", 2e-3, 1.504, 98.0)
    exact, failed = Ablated("average", 0.0, 1.0, 100.0), Ablated("shuffle", failure="net.onnx: no such kernel")
    path = tmp_path / "table.md"
    write_ablation(path, "md", (whole, without, exact, failed))
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in path.read_text().splitlines()]
    assert lines[2:] == [
        ["(all passes)", "30.0", "", "1.00", "100", ""],
        ["grouped", "27.0", "-3.0", "1.50", "98", ""],
        ["average", "", "", "1.00", "100", ""],
        ["shuffle", "", "", "", "", "net.onnx: no such kernel"],
    ]
    write_ablation(path, "md", (whole, without))
    assert "failure" not in path.read_text()
    write_ablation(path, "json", (whole, failed))
    figures = json.loads(path.read_text())["passes"]
    assert (figures[0]["sqnr_db"], figures[1]["sqnr_db"]) == (30.0, None)
