"""On a device with numpy, typer, rich and one runtime, `edgeseg bench file.tflite` works and the rest says why not."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import edgeseg

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment with edgeseg's core and LiteRT."""
    folder = tmp_path_factory.mktemp("device")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    source = folder / "source"  # pip builds inside of it, and other processes may install from the same place.
    shutil.copytree(ROOT / "edgeseg", source / "edgeseg", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    install = [python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", source, "ai-edge-litert"]
    subprocess.run(list(map(str, install)), check=True, cwd=folder, timeout=600)
    return folder / "bin"


@pytest.fixture(scope="module")
def floating(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return edgeseg.export("fastscnn", "tflite", size="64x128", folder=tmp_path_factory.mktemp("files")).path


@pytest.fixture(scope="module")
def artifact(floating: Path) -> Path:
    path: Path = edgeseg.quantize(floating, count=2).path
    return path


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=folder, timeout=600)


def test_bench_runs_on_a_device(device: Path, artifact: Path, tmp_path: Path) -> None:
    for package in ("torch", "tensorflow", "onnxruntime", "onnx", "numba", "PIL", "safetensors"):
        assert run(device / "python", "-c", f"import {package}", folder=tmp_path).returncode != 0
    done = run(
        device / "edgeseg", "bench", artifact, "--images", "2", "--effort", "quick", "--table", "csv", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "int8" in done.stdout
    assert (tmp_path / "edgeseg-out" / "table.csv").exists()
    with_everything = run(
        Path(sys.executable).with_name("edgeseg"),
        *("bench", artifact, "--images", "2", "--effort", "quick", "--table", "csv", "--out", "here"),
        folder=tmp_path,
    )
    assert with_everything.returncode == 0, with_everything.stderr
    here, there = (read_miou(tmp_path / name / "table.csv") for name in ("here", "edgeseg-out"))
    assert here == there


def read_miou(table: Path) -> str:
    import csv

    with table.open() as file:
        return next(csv.DictReader(file))["miou_percent"]


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (("export", "--to", "onnx"), r"edgeseg[torch]"),
        (("quantize", "FLOAT", "--int8"), r"edgeseg[tflite]"),
        (("bench", "FILE", "--data", "cityscapes:."), r"edgeseg[images]"),
    ],
)
def test_what_is_missing_is_named(
    device: Path, artifact: Path, floating: Path, tmp_path: Path, command: tuple[str, ...], extra: str
) -> None:
    (tmp_path / "leftImg8bit").mkdir()
    given = [{"FILE": artifact, "FLOAT": floating}.get(word, word) for word in command]
    done = run(device / "edgeseg", *given, folder=tmp_path)
    assert done.returncode == 2
    assert extra in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_doctor_and_models_work_on_a_device(device: Path, tmp_path: Path) -> None:
    doctor = run(device / "edgeseg", "doctor", folder=tmp_path)
    assert doctor.returncode == 0, doctor.stderr
    assert "missing" in doctor.stdout
    assert "edgeseg[torch]" in doctor.stdout
    models = run(device / "edgeseg", "models", "fastscnn", folder=tmp_path)
    assert models.returncode == 0, models.stderr
