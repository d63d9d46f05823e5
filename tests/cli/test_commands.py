"""The commands as they are typed."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from typer.main import get_command

from edgeseg import models
from edgeseg.cli.main import app
from edgeseg.core.container import read_facts
from edgeseg.core.types import Normalization, Size
from edgeseg.data import open_dataset
from edgeseg.data.write import write_folder

ONE = ("--threads", "1")
"""As many as a test has for itself where others run beside it."""
QUICK = ("--effort", "quick", *ONE)
REAL = Path(__file__).parents[2].parent / "shared" / "real"


def test_the_three_commands_chain_through_the_workspace(cli, tmp_path: Path) -> None:
    exported = cli("export", "--size", "64x128")
    assert exported.returncode == 0, exported.stderr
    quantized = cli("quantize", "--int8", "--samples", "2", *ONE)
    assert quantized.returncode == 0, quantized.stderr
    assert "int8" in quantized.stdout
    tables = ("--table", "md", "--table", "csv", "--table", "json")
    measured = cli("bench", "--device", "cpu", "--images", "3", *tables, *QUICK)
    assert measured.returncode == 0, measured.stderr
    out = tmp_path / "edgeseg-out"
    names = {f"fastscnn_64x128_{precision}.{suffix}" for precision in ("fp32", "int8") for suffix in ("onnx", "tflite")}
    assert {path.name for path in out.iterdir()} == names | {
        "records.json",
        "table.md",
        "table.csv",
        "table.json",
        "comparison.png",
    }
    rows = list(csv.DictReader((out / "table.csv").read_text().splitlines()))
    assert [(r["format"], r["precision"]) for r in rows] == [
        ("onnx", "fp32"),
        ("onnx", "int8"),
        ("tflite", "fp32"),
        ("tflite", "int8"),
    ]
    assert all(float(row["miou_percent"]) > 0 and float(row["network_p50_ms"]) > 0 for row in rows)
    assert [row["is_baseline"] for row in rows] == ["True", "False"] * 2
    records = json.loads((out / "records.json").read_text())["records"]
    assert all(record["images"] == 3 and len(record["network_ms"]) >= 10 for record in records)
    with Image.open(out / "comparison.png") as picture:
        assert picture.width > 256
    assert str(Path("edgeseg-out") / "comparison.png") in measured.stdout
    assert "\x1b" not in measured.stdout + measured.stderr + quantized.stderr


def test_run_ends_with_the_table_and_the_picture(cli, tmp_path: Path) -> None:
    done = cli("run", "--to", "onnx", "--size", "64x128", "--samples", "2", "--images", "2", "--per-class", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "vegetation" in done.stdout
    assert done.stdout.strip().splitlines()[-1] == f"picture: {Path('edgeseg-out') / 'comparison.png'}"


BREAKS = """
import os
from pathlib import Path
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 19, 3, 2, 1), nn.UpsamplingBilinear2d(scale_factor=2))

def sound():
    return Net()

def once():
    if not Path("mended").exists():
        os.abort()
    return Net()
"""


def test_run_goes_on_where_it_ended(cli, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(BREAKS)
    few = ("--samples", "2", "--images", "2", *QUICK)
    command = ["run", "mine:sound", "mine:once", "--to", "onnx", "--size", "32x64", *few]
    broken = cli(*command)
    assert broken.returncode == 1
    assert "SIGABRT" in broken.stderr.strip().splitlines()[-1]
    out = tmp_path / "edgeseg-out"
    table = (out / "table.md").read_text().splitlines()
    assert [line.split(" | ")[0] for line in table[2:6]] == [
        "| mine.sound_32x64_fp32.onnx",
        "| mine.sound_32x64_int8.onnx",
        "| mine:once onnx fp32",
        "| mine:once onnx int8",
    ]
    first = json.loads((out / "records.json").read_text())["records"]
    (tmp_path / "mended").touch()
    done = cli(*command)
    assert done.returncode == 0, done.stderr
    records = json.loads((out / "records.json").read_text())["records"]
    assert records[:2] == first
    assert [(record["model"], record["precision"]) for record in records[2:]] == [
        ("mine:once", "fp32"),
        ("mine:once", "int8"),
    ]
    assert not (out / "unfinished.json").exists()


@pytest.mark.slow
def test_networks_of_random_weights_have_no_accuracy(cli, tmp_path: Path) -> None:
    command = ["run", "mininet", "--to", "onnx", "--size", "64x128", "--samples", "1", "--images", "1", *QUICK]
    assert cli(*command).returncode == 0
    records = json.loads((tmp_path / "edgeseg-out" / "records.json").read_text())["records"]
    assert [record["miou_percent"] for record in records] == [None, None]
    assert "--weights" in records[0]["notes"][-1]


def test_all_is_instead_of_names(cli) -> None:
    done = cli("run", "--all", "fastscnn")
    assert done.returncode == 2
    assert "--all" in done.stderr


def test_a_foreign_file_needs_only_options(cli, tmp_path: Path, workspace: Path) -> None:
    import onnx

    path = tmp_path / "theirs.onnx"
    model = onnx.load(workspace / "fastscnn_64x128_fp32.onnx")
    del model.metadata_props[:]
    onnx.save(model, path)
    assert read_facts(path) is None
    quantized = cli("quantize", "theirs.onnx", "--int8", "--samples", "2", "--align-corners", *ONE)
    assert quantized.returncode == 0, quantized.stderr
    measured = cli("bench", "theirs.onnx", "edgeseg-out/theirs_int8.onnx", "--images", "2", "--align-corners", *QUICK)
    assert measured.returncode == 0, measured.stderr
    assert "theirs" in measured.stdout


@pytest.mark.skipif(not REAL.is_dir(), reason="no real files and images beside the project")
def test_a_published_int8_file_needs_only_options(cli, tmp_path: Path) -> None:
    file = REAL / "tflite" / "deeplab_mobilenet_edgetpu_slim_cityscapes_quant.tflite"
    images = ("--data", f"cityscapes:{REAL / 'cityscapes_512x256'}", "--split", "val", "--images", "8")
    done = cli("bench", file, "--classes", "19", *images, "--no-picture", *QUICK)
    assert done.returncode == 0, done.stderr
    (record,) = json.loads((tmp_path / "edgeseg-out" / "records.json").read_text())["records"]
    assert (record["precision"], record["head"], record["params"]) == ("int8", "classmap", 2_055_379)
    assert record["miou_percent"] > 40


def test_users_own_code(cli, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n"
        "from torch.nn import functional as F\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(3, 19, 3, stride=4, padding=1)\n"
        "    def forward(self, x):\n"
        "        return F.interpolate(self.conv(x), size=x.shape[2:], mode='bilinear')\n"
    )
    expects = ("--channels", "BGR", "--mean", "0.1,0.2,0.3")
    done = cli("export", "mine:Net", "--to", "tflite", "--size", "64x128", *expects)
    assert done.returncode == 0, done.stderr
    done = cli("quantize", "--int8", "--samples", "2", "--no-profile")
    assert done.returncode == 0, done.stderr
    facts = read_facts(tmp_path / "edgeseg-out" / "mine.Net_64x128_int8.tflite")
    assert facts is not None
    assert facts.input.normalization == Normalization((0.1, 0.2, 0.3), Normalization().std, "BGR")
    assert facts.output.head == "scores"
    assert not facts.output.align_corners


def test_the_models_themselves_are_measured(cli) -> None:
    done = cli("bench", "fastscnn", "--size", "64x128", "--images", "2", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "torch" in done.stdout


def test_models_shows_cards_and_files(cli, workspace: Path) -> None:
    everything = cli("models")
    assert everything.returncode == 0
    assert "bisenetv2" in everything.stdout
    card = cli("models", "fastscnn").stdout
    assert "fastscnn.pth" in card
    assert "69.37 on Cityscapes val" in card
    assert "edgeseg train" in card
    shown = cli("models", workspace / "fastscnn_64x128_int8.tflite").stdout
    for word in ("int8", "scores", "parity", "made from sha256", "calibration"):
        assert word in shown


def test_data_writes_and_checks(cli, tmp_path: Path) -> None:
    written = cli("data", "scenes", "--write", "city", "--images", "3", "--size", "64x128")
    assert written.returncode == 0, written.stderr
    assert written.stdout.endswith("use them with --data cityscapes:city\n")
    checked = cli("data", "cityscapes:city")
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.startswith("cityscapes: 3 images (3 of 64x128), ")
    image = next((tmp_path / "city" / "leftImg8bit").rglob("*.png"))
    image.write_bytes(b"not a picture")
    broken = cli("data", "cityscapes:city")
    assert broken.returncode == 2
    assert f"{image.name}: unreadable or truncated image" in broken.stderr
    assert "1 of 3 samples cannot be used" in broken.stderr
    other = cli("data", "scenes", "--write", "other", "--images", "1", "--size", "64x128", "--split", "train")
    assert other.stdout.endswith("use them with --data cityscapes:other --split train\n")


def test_data_writes_the_split_that_it_opened_and_sums_up_what_it_can(cli, tmp_path: Path) -> None:
    write_folder(open_dataset("scenes", size=Size(16, 32), limit=1), tmp_path / "mine" / "train")
    copied = cli("data", "folder:mine", "--write", "city")
    assert copied.stdout.endswith("use them with --data cityscapes:city --split train\n"), copied.stderr
    refused = cli("data", "folder:mine/train", "--write", "more", "--split", "test")
    assert refused.returncode == 2
    assert "its split test cannot be written" in refused.stderr
    images = tmp_path / "mine" / "train" / "images"
    (images / "more.jp2").touch()
    (images / "000000.png").write_bytes(b"not a picture")
    unread = cli("data", "folder:mine")
    assert unread.returncode == 2
    assert unread.stdout == "not read as images: 1 .jp2\n"
    assert "1 of 1 samples cannot be used" in unread.stderr


def test_train_writes_weights_that_are_used(cli, tmp_path: Path) -> None:
    done = cli("train", "--steps", "2", "--batch", "2", "--crop", "64x128", "--size", "64x128", "--images", "4")
    assert done.returncode == 0, done.stderr
    weights = tmp_path / "edgeseg-out" / "fastscnn_weights.safetensors"
    assert models.load("fastscnn", weights=weights).weights_sha256 not in (None, models.load("fastscnn").weights_sha256)


def test_doctor_and_version(cli) -> None:
    doctor = cli("doctor")
    assert doctor.returncode == 0, doctor.stderr
    for word in ("onnxruntime", "litert", "int8"):
        assert word in doctor.stdout
    assert cli("--version").stdout.startswith("edgeseg 0")


def test_help_is_quick(cli) -> None:
    """Against what any Typer program with this help takes on this machine, in turns."""
    ours, bare = [], []
    for _ in range(5):
        start = _cpu_seconds()
        assert cli("--help").returncode == 0
        between = _cpu_seconds()
        subprocess.run([sys.executable, "-c", "import typer.testing, typer.rich_utils"], check=True)
        ours.append(between - start)
        bare.append(_cpu_seconds() - between)
    assert min(ours) < 2 * min(bare)


@pytest.mark.parametrize("name", sorted(get_command(app).commands))
def test_help_of_every_command_is_whole(cli, name: str, monkeypatch) -> None:
    """Square brackets that rich takes for markup vanish or are an error."""
    monkeypatch.setenv("COLUMNS", "500")
    shown = cli(name, "--help")
    assert shown.returncode == 0, shown.stderr
    for option in get_command(app).commands[name].params:
        assert option.help.replace("\\[", "[") in shown.stdout


def _cpu_seconds() -> float:
    """Of the processes started so far; other tests beside them do not count."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


EDGESEG = str(Path(sys.executable).with_name("edgeseg"))
# What a shell starts in the background is deaf to SIGINT, and so is what that starts in turn.
LISTEN = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"


def test_ctrl_c_leaves_nothing_half_written(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LISTEN, EDGESEG, "run", "--size", "64x128"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True)
    out = tmp_path / "edgeseg-out"
    deadline = time.monotonic() + 120
    while not (out.is_dir() and any(out.iterdir())) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.strip().splitlines() == [errors.strip()]
    assert "stopped" in errors
    for path in out.iterdir():
        assert not path.name.startswith(".")
        assert read_facts(path) is not None


def interrupted(command: list[str], folder: Path, *signs: str) -> tuple[int, str]:
    """Run on a terminal, press Ctrl-C at the first sight of each sign; the exit code and what the terminal showed."""
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", LISTEN, EDGESEG, *command], cwd=folder, stdout=subprocess.DEVNULL, stderr=end
    )
    os.close(end)
    shown, waiting = "", list(signs)
    while True:
        try:
            shown += os.read(terminal, 4096).decode(errors="replace")
        except OSError:  # What Linux says where the other end was closed.
            break
        if waiting and re.search(waiting[0], shown):
            del waiting[0]
            process.send_signal(signal.SIGINT)
    os.close(terminal)
    assert not waiting, shown
    return process.wait(60), shown


def test_ctrl_c_ends_calibration_and_a_second_one_stops(tmp_path: Path, workspace: Path) -> None:
    command = ["quantize", str(workspace / "fastscnn_64x128_fp32.onnx"), "--int8", "--samples", "2000"]
    image, ended = r" [1-9]\d*/2000", r"calibration ended after (\d+) of 2000 images; quantizing with those"
    code, shown = interrupted([*command, "--calibration", "kept.npz"], tmp_path, image)
    assert code == 0, shown
    images = re.search(ended, shown)[1]
    facts = read_facts(tmp_path / "edgeseg-out" / "fastscnn_64x128_int8.onnx")
    assert facts is not None
    assert str(facts.calibration) in (f"{images} images of scenes", f"{images} image of scenes")
    code, shown = interrupted([*command, "--out", "second"], tmp_path, image, ended)
    assert code == 1
    assert "edgeseg: stopped" in shown
    assert not list((tmp_path / "second").iterdir())


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_keras_file_of_the_users_own(cli, tmp_path: Path) -> None:
    import keras

    image = keras.Input((64, 128, 3))
    scores = keras.layers.Conv2D(19, 3, 4, "same")(keras.layers.Conv2D(16, 3, 2, "same", activation="relu")(image))
    logits = keras.layers.UpSampling2D(8, interpolation="bilinear")(scores)
    keras.Model(image, logits).save(tmp_path / "mine.keras")
    done = cli("quantize", "mine.keras", "--int8", "--target", "x86-vnni", "--size", "64x128", "--samples", "2", *ONE)
    assert done.returncode == 0, done.stderr
    facts = read_facts(tmp_path / "edgeseg-out" / "mine_64x128_int8.onnx")
    assert facts is not None
    assert facts.framework == "keras"
