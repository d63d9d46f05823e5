"""The Python API: the words of the command line."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeseg
from edgeseg.bench.times.latency import LatencyOptions
from edgeseg.core.container import read_facts
from edgeseg.core.errors import InputError, QuantizeError
from edgeseg.core.types import Artifact
from tests.small import small_onnx

QUICK = LatencyOptions(warmup_s=0, min_seconds=0, min_samples=3, max_seconds=5)


def test_verbs_are_callable_and_rooms_stay_packages() -> None:
    code = (
        "import edgeseg, sys\n"
        "assert not {'numpy', 'torch', 'typer'} & set(sys.modules)\n"
        "from edgeseg.quantize.ranges import calibration\n"
        "from edgeseg.bench.accuracy.miou import ConfusionMatrix\n"
        "assert all(callable(getattr(edgeseg, verb)) for verb in ('export', 'quantize', 'bench', 'train'))\n"
        "assert 'fastscnn' in edgeseg.models.names()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'fly'"):
        edgeseg.fly  # noqa: B018


def test_verbs_tell_what_they_take() -> None:
    assert list(inspect.signature(edgeseg.quantize).parameters)[:4] == ["artifact", "samples", "recipe", "path"]
    assert "latency" in inspect.signature(edgeseg.bench).parameters
    assert edgeseg.Recipe().precision == "int8"
    assert edgeseg.GateOptions().confidence_percent > 90
    assert edgeseg.Budget().max_drop_points is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            lambda _: edgeseg.data.open_dataset(Path("mine")),
            "dataset of type PosixPath: give its name, such as folder:",
        ),
        (lambda _: edgeseg.data.open_dataset(None), "dataset of type NoneType: give its name"),
        (lambda _: edgeseg.models.build(3), "model of type int: give its name as text, such as fastscnn"),
        (lambda _: edgeseg.models.load(None), "model of type NoneType: give its name"),
        (lambda _: edgeseg.models.card(None), "model of type NoneType: give its name"),
        (lambda _: edgeseg.models.build("enet", classes="5"), "'5' classes: a network has 2 to 255, a whole number"),
        (lambda _: edgeseg.models.build("enet", classes=5.5), "5.5 classes: a network has 2 to 255"),
        (lambda _: edgeseg.models.load("enet", classes="5"), "'5' classes: a network has 2 to 255"),
        (lambda file: edgeseg.quantize(file, budget=0.5), "budget 0.5: expected an edgeseg.Budget"),
        (lambda file: edgeseg.bench(file, device=None), "device of type NoneType: give its name, such as cpu"),
    ],
)
def test_what_is_of_another_type_is_named(given: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        given(small_onnx(tmp_path / "net.onnx"))


def test_a_budget_leaves_layers_in_float(tmp_path: Path) -> None:
    source, target = small_onnx(tmp_path / "small.onnx", layers=3), tmp_path / "net.onnx"
    whole = edgeseg.quantize(source, count=4, path=tmp_path / "whole.onnx")
    budget = edgeseg.Budget(min_sqnr_db=30)
    mixed = edgeseg.quantize(source, count=4, path=target, budget=budget, threads=1)
    assert mixed.facts.recipe is not None
    assert "left in float" in mixed.facts.recipe
    assert "left in float" not in str(whole.facts.recipe)
    assert (tmp_path / "net.onnx.sensitivity.json").is_file()
    with pytest.raises(QuantizeError, match="no int8 file keeps the SQNR at 150 dB"):
        edgeseg.quantize(source, count=4, path=target, budget=edgeseg.Budget(min_sqnr_db=150), threads=1)
    with pytest.raises(InputError, match="fp16: there is nothing for a budget to do"):
        edgeseg.quantize(source, recipe=edgeseg.Recipe(precision="fp16"), budget=budget)


def test_a_network_object_goes_the_whole_way(tmp_path: Path) -> None:
    network = edgeseg.models.build("fastscnn", weights="random")
    artifact = edgeseg.export(network, format="tflite", size="64x128", path=tmp_path / "net.tflite")
    assert artifact.path == tmp_path / "net.tflite"
    quantized = edgeseg.quantize(artifact, samples=edgeseg.data.open_dataset("scenes", limit=2))
    assert quantized.path == tmp_path / "net_int8.tflite"
    assert str(quantized.facts.calibration) == "2 images of scenes"
    told: list[str] = []
    records = edgeseg.bench(
        [artifact, quantized.path],
        images=2,
        latency=QUICK,
        threads=1,
        progress=lambda what, done, total: told.append(what),
    )
    assert [record.precision for record in records] == ["fp32", "int8"]
    assert records[1].parent_sha256 == records[0].sha256
    assert all(len(record.network_ms) >= 3 and record.images == 2 for record in records)
    assert all(record.environment["threads"] == 1 for record in records)
    assert set(told) == {"latency", "accuracy"}


def test_batches_of_several_images(tmp_path: Path) -> None:
    artifact = edgeseg.export("fastscnn", size="64x128", batch=2, folder=tmp_path)
    assert artifact.path.name == "fastscnn_64x128_b2_fp32.onnx"
    quantized = edgeseg.quantize(artifact, count=1)
    (record,) = edgeseg.bench([quantized], images=1, latency=QUICK)
    assert record.batch == 2


@pytest.mark.parametrize(("head", "target"), [("logits", "tflite"), ("classmap", "onnx")])
def test_other_heads_give_the_same_class_map(head: str, target: str, tmp_path: Path, workspace: Path) -> None:
    from edgeseg import data, runtimes
    from edgeseg.data.preprocess import Preprocessor

    image, _ = data.open_dataset("scenes", size=edgeseg.models.card("fastscnn").size, limit=1)[0]
    other = edgeseg.export("fastscnn", target, size="64x128", head=head, folder=tmp_path)
    path = workspace / f"fastscnn_64x128_fp32.{target}"
    facts = read_facts(path)
    assert facts is not None
    maps = []
    for artifact in (other, Artifact(path, facts)):
        with runtimes.open_session(artifact) as session:
            maps.append(session.classmap(Preprocessor(session.facts.input)(image)))
    assert (maps[0] == maps[1]).mean() > 0.999
    quantized = edgeseg.quantize(other, count=2)
    with runtimes.open_session(quantized) as session:
        assert session.classmap(Preprocessor(session.facts.input)(image)).shape == (1, 64, 128)


def test_what_is_int8_already_is_refused(workspace: Path) -> None:
    with pytest.raises(InputError, match="int8 already; quantize the float file"):
        edgeseg.quantize(workspace / "fastscnn_64x128_int8.onnx")


def test_paths_sizes_and_images_as_a_notebook_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    artifact = edgeseg.export("fastscnn", size="64x128", path="net.onnx")
    assert artifact.path == Path("net.onnx")
    images = [image for image, _ in edgeseg.data.open_dataset("scenes", size="64x128", limit=2)]
    quantized = edgeseg.quantize("net.onnx", images, folder="int8", calibration="seen.safetensors")
    assert quantized.path == Path("int8/net_int8.onnx")
    assert str(quantized.facts.calibration) == "2 images of the caller's own"
    assert Path("seen.safetensors").is_file()
    (record,) = edgeseg.bench("int8/net_int8.onnx", images=1, latency=QUICK)
    assert record.precision == "int8"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"size": (64, 128)}, "expected HEIGHTxWIDTH"),
        ({"head": "argmax"}, "no head 'argmax'; there are: logits, scores, classmap"),
        ({"batch": 0}, "batch 0: at least 1 image"),
        ({"format": "pb"}, "no exporter from torch to pb"),
    ],
)
def test_what_export_cannot_do(given: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=complaint):
        edgeseg.export("fastscnn", **{"size": "64x128", "folder": tmp_path} | given)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("samples", "complaint"),
    [
        ([], "no images given"),
        ([np.zeros((3, 8, 8), np.float32)], r"image 0 of those given is float32 \(3, 8, 8\); give RGB images"),
        ([("a", "b")], "image 0 of those given is tuple"),
        ("nope", "no dataset 'nope'; known: camvid"),
    ],
)
def test_what_calibration_cannot_read(samples: Any, complaint: str, workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=complaint):
        edgeseg.quantize(workspace / "fastscnn_64x128_fp32.onnx", samples, folder=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda file: edgeseg.export("fastscnn", path="net.tflite"), r"net\.tflite: not the name of a \.onnx file"),
        (lambda file: edgeseg.export("fastscnn", path="."), r"\.: not the name of a \.onnx file"),
        (lambda file: edgeseg.quantize(file, path="net.tflite"), r"net\.tflite: not the name of a \.onnx file"),
        (lambda file: edgeseg.quantize(file, None), "samples of type NoneType: give a dataset's name"),
        (lambda file: edgeseg.quantize(file, recipe="int8"), "recipe 'int8': expected an edgeseg"),
        (lambda file: edgeseg.bench([3], None), "a int is no file; give a path, or what edgeseg.export returns"),
        (lambda file: edgeseg.bench(edgeseg.models.card("fastscnn")), "a Card is no file"),
        (lambda file: edgeseg.quantize(3), "a int is no file"),
        (lambda file: edgeseg.gate(file, file, {"max_slowdown_percent": 3}), r"expected an edgeseg\.GateOptions"),
        (lambda file: edgeseg.train(3), "a int is no model"),
        (lambda file: edgeseg.bench(file, [np.zeros((8, 8, 3), np.uint8)]), "dataset of type list: give its name"),
    ],
)
def test_what_no_function_takes(call: Callable[[Path], Any], complaint: str, workspace: Path) -> None:
    with pytest.raises(InputError, match=complaint):
        call(workspace / "fastscnn_64x128_fp32.onnx")
