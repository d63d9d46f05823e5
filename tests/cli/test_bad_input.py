"""Bad input gets one line that names file, problem and remedy, and nothing is left half-written."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from PIL import Image

import edgeseg
from edgeseg.core.container import write_facts
from edgeseg.core.errors import InputError
from edgeseg.core.source import Source
from edgeseg.pipeline.sources import as_artifact
from tests.small import small_onnx


def refused(done, code: int, *words: str) -> None:
    lines = done.stderr.strip().splitlines()
    assert done.returncode == code, done.stderr
    assert len(lines) == 1, done.stderr
    for word in words:
        assert re.search(word, lines[0]), lines[0]


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """Two tiny images in Cityscapes layout."""
    from edgeseg import data
    from edgeseg.core.types import Size
    from edgeseg.data.write import write_cityscapes
    from edgeseg.pipeline.silence import silent

    root = tmp_path / "city"
    for split in ("train", "val"):
        write_cityscapes(data.open_dataset("scenes", size=Size(64, 128), limit=2), root, split, silent)
    return root


def first(root: Path, pattern: str) -> Path:
    return sorted(root.rglob(pattern))[0]


def test_unknown_model(cli) -> None:
    refused(cli("export", "fastscn"), 2, "fastscn", "did you mean fastscnn")


def test_missing_file(cli) -> None:
    refused(cli("bench", "gone.onnx"), 2, r"gone\.onnx", "no such file")


def test_a_name_that_is_no_text(cli, tmp_path: Path) -> None:
    path = small_onnx(tmp_path / os.fsdecode(b"net\xff.onnx"))
    refused(cli("bench", path.name), 2, r"net\\udcff\.onnx", "its name is not UTF-8", "rename it")


def test_missing_module(cli) -> None:
    refused(cli("export", "nowhere:Net"), 2, "nowhere")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("mynet.py:build", r"mynet\.py:build: a file, where a module is wanted; give mynet:build$"),
        ("nets/mynet.py", r"nets/mynet\.py: a file, where a module is wanted; give nets\.mynet:CALLABLE$"),
        ("../mynet.py:build", r"give mynet:build, in the folder \.\.$"),
        ("whole.pth", r"whole\.pth: a checkpoint needs its network's code; give NETWORK --weights whole\.pth"),
        ("BEST.SAFETENSORS", r"a checkpoint needs its network's code; give NETWORK --weights BEST\.SAFETENSORS"),
        ("whole.h5", r"whole\.h5: Keras' older format; load it in Keras, save it as \.keras"),
    ],
)
def test_a_file_where_a_network_is_wanted(cli, tmp_path: Path, given: str, told: str) -> None:
    (tmp_path / Path(given.partition(":")[0]).name).write_text("def build():\n    return None\n")
    refused(cli("export", given), 2, told)
    assert not (tmp_path / "edgeseg-out").exists()


def test_a_file_where_a_network_is_wanted_among_several(cli) -> None:
    refused(cli("run", "fastscnn", "whole.pth"), 2, "whole.pth: a checkpoint needs")


def test_empty_workspace(cli, tmp_path: Path) -> None:
    refused(cli("quantize", "--int8"), 2, "edgeseg-out", "edgeseg export")
    refused(cli("bench"), 2, "edgeseg-out", "edgeseg export")
    assert not (tmp_path / "edgeseg-out").exists()
    (tmp_path / "edgeseg-out").mkdir()
    (tmp_path / "edgeseg-out" / ".unfinished_fp32.17-ab.onnx").write_bytes(b"half of what")
    refused(cli("bench"), 2, "edgeseg-out", "edgeseg export")


def test_precision_must_be_said(cli) -> None:
    refused(cli("quantize"), 2, "--int8")


@pytest.mark.parametrize("suffix", ["onnx", "tflite"])
def test_truncated_and_foreign_files(cli, tmp_path: Path, workspace: Path, suffix: str) -> None:
    whole = (workspace / f"fastscnn_64x128_fp32.{suffix}").read_bytes()
    broken = {f"half.{suffix}": whole[: len(whole) // 2], f"text.{suffix}": b"only text " * 30, f"empty.{suffix}": b""}
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name):
            edgeseg.quantize(tmp_path / name, count=1)
    for name in (f"half.{suffix}", f"text.{suffix}"):
        refused(cli("bench", "--images", "1", name), 2, name)
    refused(cli("quantize", "--int8", f"half.{suffix}"), 2, f"half.{suffix}")
    assert not (tmp_path / "edgeseg-out").exists()


def test_a_size_that_the_network_cannot_take(cli, tmp_path: Path) -> None:
    refused(cli("export", "bisenetv2", "--size", "144x272", "--to", "onnx"), 2, "144x272", "32")
    refused(cli("export", "--size", "512"), 2, "512", "512x1024")
    refused(cli("export", "--output-stride", "8"), 2, "fastscnn", "no output stride")
    assert not list(tmp_path.glob("edgeseg-out/*"))


def test_a_percentile_of_another_method(cli) -> None:
    refused(cli("quantize", "--int8", "--percentile", "99.9"), 2, "--percentile", "--method percentile")


def test_datasets(cli, tmp_path: Path, workspace: Path, city: Path) -> None:
    def bench(data: str):
        done = cli("bench", workspace / "fastscnn_64x128_fp32.onnx", "--data", data, "--no-picture")
        done.stderr = done.stderr.strip().splitlines()[-1]
        return done

    refused(bench("cityscape:x"), 2, "cityscape", "did you mean cityscapes")
    refused(bench("cityscapes:nowhere"), 2, "nowhere")
    (tmp_path / "empty").mkdir()
    refused(bench("cityscapes:empty"), 2, "empty", "leftImg8bit")
    refused(bench("camvid:empty"), 2, "empty")

    label = first(city, "val/**/*labelIds.png")
    kept = label.read_bytes()
    label.unlink()
    refused(bench("cityscapes:city"), 2, "label")
    Image.new("L", (128, 64), 77).save(label)
    refused(bench("cityscapes:city"), 2, label.name, "77")
    label.write_bytes(kept)

    image = first(city, "leftImg8bit/val/**/*.png")
    image.write_bytes(image.read_bytes()[:500])
    refused(bench("cityscapes:city"), 2, image.name)


def test_unknown_device_and_runtime(cli, workspace: Path) -> None:
    file = workspace / "fastscnn_64x128_fp32.onnx"
    for option, value in (("--device", "tpu"), ("--runtime", "tensorrt")):
        done = cli("bench", file, option, value)
        done.stderr = done.stderr.strip().splitlines()[-1]
        refused(done, 2, value, "cpu|onnxruntime")
    done = cli("bench", file, "--device", "tpu")
    assert f"{file}: no device 'tpu' on runtime onnxruntime, which offers here: cpu" in done.stderr


def test_wrong_class_count(cli, tmp_path: Path, workspace: Path, city: Path) -> None:
    folder = tmp_path / "two"
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    shutil.copy(first(city, "leftImg8bit/val/**/*.png"), folder / "images" / "a.png")
    Image.new("L", (128, 64), 1).save(folder / "masks" / "a.png")
    (folder / "classes.txt").write_text("ground\nother\n")
    done = cli("bench", workspace / "fastscnn_64x128_fp32.onnx", "--data", "folder:two")
    done.stderr = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 2
    assert "2 classes" in done.stderr


@pytest.mark.parametrize("target", ["mine:build", "net.onnx"])
def test_wrong_class_count_before_anything_is_made(cli, tmp_path: Path, target: str) -> None:
    (tmp_path / "mine.py").write_text("from torch import nn\ndef build():\n    return nn.Conv2d(3, 5, 1)\n")
    (tmp_path / "two" / "images").mkdir(parents=True)
    (tmp_path / "two" / "masks").mkdir()
    for folder, mode in (("images", "RGB"), ("masks", "L")):
        Image.new(mode, (64, 32)).save(tmp_path / "two" / folder / "a.png")
    (tmp_path / "two" / "classes.txt").write_text("ground\nother\n")
    small_onnx(tmp_path / "net.onnx")
    done = cli("run", target, "--size", "32x64", "--samples", "1", "--effort", "quick", "--data", "folder:two")
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert re.search(r"folder:two: 2 classes, but [a-z:]+ was made for \d+; give --data with its classes, or ", last), (
        last
    )
    assert "--no-accuracy" in last
    assert not list(tmp_path.glob("edgeseg-out/*.onnx"))


def test_one_bad_file_does_not_hide_the_others(cli, tmp_path: Path, workspace: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no")
    done = cli("bench", workspace / "fastscnn_64x128_fp32.onnx", "broken.onnx", "--images", "2", "--effort", "quick")
    assert done.returncode == 2
    assert "fastscnn" in done.stdout
    assert "failed: broken.onnx: not an ONNX file" in done.stdout


def test_a_folder_that_cannot_be_written(cli, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file")
    refused(cli("export", "--out", "blocked"), 2, "blocked is a file, not a folder", "--out")
    refused(cli("bench", "--out", "blocked/below"), 2, "blocked is a file, not a folder", "--out")
    refused(cli("compare", "some", "--out", "blocked"), 2, "blocked is a file, not a folder", "--out")
    small_onnx(tmp_path / "net.onnx")
    for command in ("bench", "run"):
        refused(cli(command, "net.onnx", "--out", "/proc/here"), 2, "/proc/here.*: cannot be written", "--out")
    (tmp_path / "out" / "unfinished_bench.json").mkdir(parents=True)
    refused(cli("bench", "net.onnx", "--out", "out"), 2, r"cannot remove out.unfinished_bench\.json", "--out")
    refused(cli("bench", "net.onnx", "--out", "out", "--resume"), 2, r"out.unfinished_bench\.json", "delete it")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--profile --resume --flip --sort size", "--resume, --sort, --flip: without effect beside --profile;"),
        ("--no-accuracy --per-class --images 2", "--images, --per-class: without effect beside --no-accuracy;"),
        ("--no-accuracy --picture", "--picture: without effect beside --no-accuracy;"),
        ("--device ssh://board --resume", "--resume: without effect beside --device ssh;"),
        ("--device android:tool --scales 1", "--scales: without effect beside --device android;"),
        ("--profile --device ssh://board", "device ssh://board: profiles are of this machine's devices;"),
    ],
)
def test_options_that_would_do_nothing(cli, tmp_path: Path, options: str, told: str) -> None:
    small_onnx(tmp_path / "net.onnx")
    refused(cli("bench", "net.onnx", *options.split()), 2, told)
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]


@pytest.mark.parametrize("target", ["onnx", pytest.param("tflite", marks=pytest.mark.slow)])
def test_a_disk_that_is_full(tmp_path: Path, target: str) -> None:
    edgeseg = Path(sys.executable).with_name("edgeseg")
    # ulimit counts blocks of 512 bytes: files of up to 200 kB can be written.
    command = f"ulimit -f 400; exec '{edgeseg}' export --to {target} --size 64x128"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    refused(done, 1, f"cannot write .*{target}", "free space")
    assert list((tmp_path / "edgeseg-out").iterdir()) == []


def test_a_measurement_that_is_killed(cli, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import os\ndef boom():\n    os.kill(os.getpid(), 9)\n")
    refused(cli("bench", "mine:boom"), 1, "mine:boom", "SIGKILL", "memory")


def test_usage_errors(cli) -> None:
    refused(cli("export", "--head", "nothing"), 2, "nothing", "classmap")
    refused(cli("no-such-command"), 2, "no-such-command", "--help")
    refused(cli("export", "--colour", "red"), 2, "--colour")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("run net.onnx --to tflite", ("net.onnx: is not of the format asked for, tflite",)),
        ("run net.onnx --head classmap", ("--head", "leave it out")),
        ("run net.onnx --without dilated", ("--without dilated: that pass is for .tflite files", "leave it out")),
        ("run net.onnx --device android:tool --images 2", ("--images: without effect beside --device android",)),
        ("data folder:other --seed 1", ("--seed is of the built-in scenes, not of folder:other", "leave it out")),
        ("bench net.onnx --no-accuracy --mean 128,128,128", ("mean 128,128,128", "RGB / 255")),
        ("quantize net.onnx --int8 --std 0,1,1", ("std 0,1,1", "RGB / 255")),
        ("bench net.onnx --no-accuracy --layout NHWC", ("net.onnx: input image of shape 1x3x32x64 is not NHWC",)),
        ("bench net.onnx --no-accuracy --align-corners", ("net.onnx: gives full-size scores", "leave --align-corners")),
        ("export net.onnx", ("net.onnx: a finished file", "quantize and bench take files")),
        ("quantize net.onnx other/net.onnx --int8", ("net.onnx and other/net.onnx: files of the same name",)),
        ("gate --baseline net.onnx --candidate net.onnx --size 64x128", ("made for 32x64, not 64x128",)),
    ],
)
def test_what_a_file_cannot_be_told(cli, tmp_path: Path, command: str, words: tuple[str, ...]) -> None:
    for path in (tmp_path / "net.onnx", tmp_path / "other" / "net.onnx"):
        small_onnx(path)
    done = cli(*command.split())
    assert done.returncode == 2, done.stderr
    for word in words:
        assert word in done.stdout + done.stderr


def test_run_and_models_and_quantize_refuse_what_they_make_nothing_of(cli, tmp_path: Path) -> None:
    done = cli("run", "--no-accuracy", "--images", "2", "--per-class")
    refused(done, 2, "--images, --per-class: without effect beside --no-accuracy;", "leave the one or the other out")
    refused(cli("models", "fastscnn", "--size", "32x64"), 2, "--size is that of a file", "leave it out")
    path = small_onnx(tmp_path / "edgeseg-out" / "net.onnx")
    write_facts(path, as_artifact(Source(str(path))).facts)
    refused(cli("quantize", "--int8", "--size", "64x128"), 2, r"net\.onnx: made for 32x64, not 64x128", "--size")


def test_models_reads_a_file_that_leaves_its_size_open_and_breaks_no_digest(cli, tmp_path: Path) -> None:
    path = small_onnx(tmp_path / "net.onnx")
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[2].dim_param = "height"
    onnx.save(model, path)
    refused(cli("models", "net.onnx"), 2, "leaves its input size open", "give --size HxW")
    assert hashlib.sha256(path.read_bytes()).hexdigest() in cli("models", "net.onnx", "--size", "32x64").stdout
