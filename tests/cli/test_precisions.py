"""`edgeseg quantize` to precisions besides int8, and `edgeseg bench` of what comes out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import onnx
import pytest
from onnx import numpy_helper

from tests.small import small_onnx

WANTED = {"fp16": ["--fp16"], "int8-dynamic": ["--dynamic"], "int16x8": ["--int8", "--int16-activations"]}


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_each_is_measured_against_its_float_twin(cli, tmp_path: Path, workspace: Path, format: str) -> None:
    source = workspace / f"fastscnn_64x128_fp32.{format}"
    files, unjudged = [source], ["--no-profile"] if format == "tflite" else []  # One way for both, which takes time.
    for precision, options in WANTED.items():
        images = ["--samples", "2"] if "--int8" in options else []
        done = cli("quantize", source, *options, *images, *unjudged, "--threads", "1", "--out", tmp_path)
        assert done.returncode == 0, done.stderr
        calibrated = "--int8" in options
        seen = "2 calibration images" if calibrated else "4 images of scenes"
        (told,) = (line for line in done.stdout.splitlines() if line.endswith(f" % equal classes on {seen}"))
        assert float(told.split()[1]) > 15
        if not unjudged:
            assert re.search(f"^  {precision} .* of float's time", done.stdout, re.MULTILINE)
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


def test_what_run_time_ranges_spoil_is_said_to_be(cli, tmp_path: Path) -> None:
    """A channel ten thousand times as wide as the others, which nothing reads, takes all integers of its tensor."""
    model = onnx.load(small_onnx(tmp_path / "net.onnx"))
    wide, reading = (numpy_helper.to_array(weights).copy() for weights in model.graph.initializer[:2])
    wide[0] *= 1e4
    reading[:, 0] = 0
    for weights, values in zip(model.graph.initializer, (wide, reading), strict=False):
        weights.CopyFrom(numpy_helper.from_array(values, weights.name))
    onnx.save(model, tmp_path / "net.onnx")
    done = cli("quantize", "net.onnx", "--dynamic", "--no-profile")
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("edgeseg: edgeseg-out/net_int8-dynamic.onnx: far from the float file (SQNR ")
    assert line.endswith(" on 4 images of scenes)")


def test_the_images_it_is_held_against_float_on(cli, tmp_path: Path) -> None:
    small_onnx(tmp_path / "net.onnx")
    command = ("quantize", "net.onnx", "--fp16", "--no-profile")
    done = cli(*command, "--data", "images:gone")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("edgeseg: gone: no such folder")
    assert not list(tmp_path.glob("edgeseg-out/*"))
    assert cli("data", "scenes", "--write", "scenes", "--size", "32x64", "--images", "3").returncode == 0
    done = cli(*command, "--data", "images:scenes/leftImg8bit")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith(" equal classes on 3 images of images:scenes/leftImg8bit")


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
