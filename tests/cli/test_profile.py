"""`edgeseg bench --profile`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.small import small_onnx


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


def test_a_file_that_fails_does_not_stop_the_others(cli, tmp_path: Path) -> None:
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    small_onnx(tmp_path / "net.onnx")
    done = cli("bench", "--profile", "junk.onnx", "net.onnx")
    assert done.returncode == 2
    assert "failed: junk.onnx: not an ONNX file" in done.stdout
    assert done.stdout.endswith(f"table: {Path('edgeseg-out') / 'profile_net.onnx.md'}\n")
    assert done.stderr.startswith("edgeseg: junk.onnx")
    assert done.stderr.count("\n") == 1


def test_all_files_are_looked_for_before_one_is_profiled(cli, tmp_path: Path) -> None:
    for name in ("a/net.onnx", "b/net.onnx"):
        small_onnx(tmp_path / name)
    gone = cli("bench", "--profile", "a/net.onnx", "gone.onnx")
    assert (gone.returncode, gone.stdout) == (2, "")
    assert "gone.onnx: no such file" in gone.stderr
    alike = cli("bench", "--profile", "a/net.onnx", "b/net.onnx")
    assert (alike.returncode, alike.stdout) == (2, "")
    assert "a/net.onnx and b/net.onnx: files of the same name are made of both; give each an --out" in alike.stderr
    assert not (tmp_path / "edgeseg-out").exists()
