"""`edgeseg bench --profile`."""

from __future__ import annotations

import csv
import json
from pathlib import Path


def test_profiles_of_both_formats(cli, tmp_path: Path, workspace: Path) -> None:
    files = [workspace / f"fastscnn_64x128_int8.{format}" for format in ("onnx", "tflite")]
    done = cli("bench", "--profile", *files, "--threads", "1", "--table", "csv", "--table", "json")
    assert done.returncode == 0, done.stderr
    assert "fastscnn_64x128_int8.onnx: " in done.stdout
    assert "QLinearConv" in done.stdout
    assert "Convolution (NHWC, QC8)" in done.stdout
    out = tmp_path / "edgeseg-out"
    for file in files:
        rows = list(csv.DictReader((out / f"profile_{file.name}.csv").read_text().splitlines()))
        times = [float(row["ms"]) for row in rows]
        assert times == sorted(times, reverse=True)
        assert abs(sum(float(row["share_percent"]) for row in rows) - 100) < 0.01
        assert {row["arithmetic"] for row in rows} >= {"int8"}
        stored = json.loads((out / f"profile_{file.name}.json").read_text())
        assert stored["threads"] == 1
        assert len(stored["operators"]) == len(rows)
    assert not (out / "records.json").exists()


def test_only_files_can_be_profiled(cli) -> None:
    done = cli("bench", "--profile", "fastscnn")
    assert done.returncode == 2
    assert done.stderr.strip().endswith("only a finished .onnx or .tflite file can be profiled; export it first")
