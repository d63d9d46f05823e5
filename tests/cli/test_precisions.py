"""`edgeseg quantize` to precisions besides int8, and `edgeseg bench` of what comes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

WANTED = {"fp16": ["--fp16"], "int8-dynamic": ["--dynamic"], "int16x8": ["--int8", "--int16-activations"]}


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_each_is_measured_against_its_float_twin(cli, tmp_path: Path, workspace: Path, format: str) -> None:
    source = workspace / f"fastscnn_64x128_fp32.{format}"
    files = [source]
    for precision, options in WANTED.items():
        images = ["--samples", "2"] if "--int8" in options else []
        done = cli("quantize", source, *options, *images, "--threads", "1", "--out", tmp_path)
        assert done.returncode == 0, done.stderr
        assert f"  {precision} " in done.stdout
        assert "of float's time" in done.stdout
        files.append(tmp_path / f"fastscnn_64x128_{precision}.{format}")
        assert files[-1].stat().st_size < source.stat().st_size
    done = cli(
        "bench",
        *files,
        "--images",
        "2",
        "--threads",
        "1",
        "--table",
        "json",
        "--no-picture",
        "--effort",
        "quick",
        "--out",
        "bench",
    )
    assert done.returncode == 0, done.stderr
    rows = {row["precision"]: row for row in json.loads((tmp_path / "bench" / "table.json").read_text())["rows"]}
    assert rows.keys() == {"fp32", *WANTED}
    for precision in WANTED:
        assert rows[precision]["speedup"] > 0
        assert abs(rows[precision]["miou_loss_points"]) < 5
    done = cli("models", files[1])
    assert "fp16" in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "one of --int8, --dynamic and --fp16"),
        ("--int8 --fp16", "one of --int8, --dynamic and --fp16"),
        ("--fp16 --int16-activations", "--int16-activations goes with --int8"),
        ("--fp16 --method minmax", "fp16: there is nothing for --method to do"),
        ("--dynamic --calibration kept.npz", "int8-dynamic: there is nothing for --calibration to do"),
        ("--int8 --int16-activations --target arm", "int16x8: there is nothing for --target to do"),
        ("--fp16 --max-drop 1", "fp16: there is nothing for --max-drop to do"),
        ("--fp16 --min-sqnr 20", "fp16: there is nothing for --min-sqnr to do"),
        ("--fp16 --float-slow", "fp16: there is nothing for --float-slow to do"),
        ("--dynamic --no-float-slow", "int8-dynamic: there is nothing for --no-float-slow to do"),
        ("--fp16 --samples 64", "fp16: there is nothing for --samples to do"),
        ("--dynamic --ablate", "int8-dynamic: there is nothing for --ablate to do"),
        ("--dynamic --images 3", "int8-dynamic: there is nothing for --images to do"),
        ("--dynamic --data scenes", "int8-dynamic: there is nothing for --data to do"),
        ("--int8 --images 3", "--images are those that --max-drop is held on"),
        ("--int8 --min-sqnr 20 --images 3", "--images are those that --max-drop is held on"),
        ("--dynamic --target arm", "int8-dynamic: ONNX Runtime's activations are uint8"),
    ],
)
def test_options_that_mean_nothing(cli, options: str, message: str) -> None:
    done = cli("quantize", *options.split())
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert message in line


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            "--mean 0,0,0",
            "tflite: there is nothing for --mean to do, which is said of networks and files that",
        ),
        ("--classes 19", "nothing for --classes to do"),
        ("--layout NHWC", "nothing for --layout to do, which is said of files that edgeseg did not write"),
        ("--weights random", "nothing for --weights to do, which is said of networks;"),
        ("--without batchnorm", r"--without batchnorm: that pass is for .onnx files, of which there is none"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_what_means_nothing_to_a_finished_file(cli, workspace: Path, tmp_path: Path, options, message, named) -> None:
    (tmp_path / "edgeseg-out").mkdir()
    file = tmp_path / "edgeseg-out" / "net_fp32.tflite"
    file.write_bytes((workspace / "fastscnn_64x128_fp32.tflite").read_bytes())
    done = cli("quantize", *([file] if named else []), "--int8", *options.split())
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert message in line
    assert list(file.parent.iterdir()) == [file]
