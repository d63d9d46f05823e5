"""`--target`, `--input` and `--output`, and what doctor, models and bench say of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgeseg.core.container import read_facts


@pytest.fixture
def floats(workspace: Path, tmp_path: Path) -> Path:
    """The float files alone, in the folder that commands work in by default."""
    folder = tmp_path / "edgeseg-out"
    folder.mkdir()
    for path in workspace.glob("*_fp32.*"):
        shutil.copy(path, folder)
    return folder


def test_a_target_takes_the_files_of_its_format(cli, floats: Path) -> None:
    done = cli("quantize", "--int8", "--target", "x86-avx2", "--samples", "1", "--no-profile")
    assert done.returncode == 0, done.stderr
    left, written, recipe, far = done.stdout.splitlines()
    assert left.endswith("fastscnn_64x128_fp32.tflite: left out, target x86-avx2 is for .onnx files")
    assert "fastscnn_64x128_int8.onnx" in written
    assert recipe.startswith("  for x86-avx2; ")
    assert far.startswith("  SQNR ")
    shown = " ".join(cli("models", floats / "fastscnn_64x128_int8.onnx").stdout.split())
    assert "made for x86-avx2 on x86 cannot saturate 16-bit sums" in shown


@pytest.mark.parametrize("command", [("quantize", "--int8"), ("run",)])
def test_a_file_of_another_format_is_refused(cli, floats: Path, command: tuple[str, ...]) -> None:
    done = cli(*command, floats / "fastscnn_64x128_fp32.onnx", "--target", "edgetpu")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    wanted = "target edgetpu is for .tflite files, not .onnx; for those there are: x86-vnni, x86-avx2, arm"
    assert line == f"edgeseg: {wanted}"


def test_camera_bytes_in_and_integers_out_need_no_other_option(cli, floats: Path) -> None:
    (floats / "fastscnn_64x128_fp32.onnx").unlink()
    done = cli("quantize", "--int8", "--target", "edgetpu", "--input", "uint8", "--samples", "1")
    assert done.returncode == 0, done.stderr
    facts = read_facts(floats / "fastscnn_64x128_int8.tflite")
    assert facts
    assert (facts.target, facts.input.dtype, facts.output.dtype) == ("edgetpu", "uint8", "int8")
    shown = " ".join(cli("models", floats / "fastscnn_64x128_int8.tflite").stdout.split())
    assert "none to apply: bytes as they are" in shown
    done = cli("bench", floats / "fastscnn_64x128_int8.tflite", "--images", "1", "--no-picture", "--effort", "quick")
    assert done.returncode == 0, done.stderr
    assert "warning: made for edgetpu, but measured on the CPU" in " ".join(done.stdout.split())


def test_doctor_says_what_fits(cli) -> None:
    lines = cli("doctor").stdout.splitlines()
    fitting = [line for line in lines if line.startswith("--target") and line.endswith("(fits this CPU)")]
    assert len([line for line in lines if line.startswith("--target")]) == 5
    assert ["(onnx)" in line for line in fitting] == [True, False]
