"""`edgeseg.quantize` as a function: calibration that is kept and calibration that ends early."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import edgeseg
from edgeseg.core.errors import InputError, QuantizeError
from edgeseg.core.protocols import Recipe
from edgeseg.core.source import Source
from edgeseg.data.images import write_png
from edgeseg.graphs import read_graph
from edgeseg.pipeline.sources import as_artifact
from edgeseg.pipeline.worth.again import Again

FORMATS = ("onnx", "tflite")


@pytest.mark.parametrize("format", FORMATS)
def test_kept_calibration_needs_no_images(workspace: Path, tmp_path: Path, format: str) -> None:
    source, kept = workspace / f"fastscnn_64x128_fp32.{format}", tmp_path / "kept.npz"
    first = edgeseg.quantize(source, count=2, path=tmp_path / f"first.{format}", calibration=kept)
    again = edgeseg.quantize(source, "folder:gone", path=tmp_path / f"again.{format}", calibration=kept)
    assert first.path.read_bytes() == again.path.read_bytes()


def test_a_file_is_either_read_or_written(workspace: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.npz"
    edgeseg.quantize(workspace / "fastscnn_64x128_fp32.onnx", count=1, folder=tmp_path, calibration=kept)
    before = kept.read_bytes()
    with pytest.raises(InputError, match=r"kept\.npz: holds the calibration of fastscnn_64x128_fp32\.onnx .*, not of"):
        edgeseg.quantize(workspace / "fastscnn_64x128_fp32.tflite", count=1, folder=tmp_path, calibration=kept)
    assert kept.read_bytes() == before


@pytest.mark.parametrize("format", FORMATS)
def test_an_end_that_cannot_be_int8_is_refused(workspace: Path, tmp_path: Path, format: str) -> None:
    source = workspace / f"fastscnn_64x128_fp32.{format}"
    last = read_graph(source).outputs[0].name
    with pytest.raises(QuantizeError, match=f"its output cannot be int8, .* leave out --output or --float {last}"):
        edgeseg.quantize(source, count=1, recipe=Recipe(output="int8", floating=(last,)), folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_calibration_that_was_stopped_goes_on_where_it_was(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeseg.quantize.ranges.calibration._KEPT_EVERY_S", 0)
    source, begun = workspace / "fastscnn_64x128_fp32.onnx", tmp_path / "begun.npz"
    counted: list[int] = []

    def progress(what: str, images: int, total: int) -> None:
        counted.append(images)
        if total == 6 and images == 4 and counted.count(4) == 2:  # Of the second pass, after equalization.
            raise KeyboardInterrupt

    again = Again(as_artifact(Source(str(source))), "scenes", Recipe(), count=6, begun=begun)
    quantized = tmp_path / "stopped.onnx"
    with pytest.raises(KeyboardInterrupt):
        again((), quantized, progress)
    assert not quantized.exists()
    counted.clear()
    again((), quantized, progress)
    straight = edgeseg.quantize(source, count=6, path=tmp_path / "straight.onnx")
    assert quantized.read_bytes() == straight.path.read_bytes()
    assert counted == [6, 3, 4, 5, 6]


def test_images_without_labels_calibrate_but_measure_no_accuracy(workspace: Path, tmp_path: Path) -> None:
    source, frames = workspace / "fastscnn_64x128_fp32.onnx", tmp_path / "frames"
    for index, (image, _) in enumerate(edgeseg.data.open_dataset("scenes", size="64x128", limit=3)):
        write_png(frames / f"{index}.png", image)
    quantized = edgeseg.quantize(source, f"images:{frames}", path=tmp_path / "int8.onnx")
    assert str(quantized.facts.calibration) == "3 images of images"
    with pytest.raises(InputError, match=r"frames: images without labels; give --data .* or .*--no-accuracy"):
        edgeseg.bench(quantized, f"images:{frames}")


@pytest.mark.parametrize("format", FORMATS)
def test_the_facts_tell_how_many_images_there_were(workspace: Path, tmp_path: Path, format: str) -> None:
    done = 0

    def progress(what: str, images: int, total: int) -> None:
        nonlocal done
        done = images

    source = as_artifact(Source(str(workspace / f"fastscnn_64x128_fp32.{format}")))
    again = Again(source, "scenes", Recipe(), count=50, enough=lambda: done == 3)
    quantized, _ = again((), tmp_path / f"int8.{format}", progress)
    assert str(quantized.facts.calibration) == "3 images of scenes"


@pytest.mark.parametrize("format", FORMATS)
def test_memory_does_not_grow_with_images(workspace: Path, tmp_path: Path, format: str) -> None:
    source = shutil.copy(workspace / f"fastscnn_64x128_fp32.{format}", tmp_path)
    code = (
        "import edgeseg\n"
        "from edgeseg.bench.times.memory import peak_rss_mib\n"
        "for count in (2, 42):\n"
        f"    edgeseg.quantize({str(source)!r}, count=count)\n"
        "    print(peak_rss_mib())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    few, many = map(float, done.stdout.split())
    # All tensors of these forty images are 70 MiB.
    assert many - few < 20


def test_a_calibration_that_cannot_be_written_is_refused_before_an_image_is_run(
    workspace: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    counted = list[str]()
    with pytest.raises(InputError, match=r"file/kept\.npz: cannot be written: .*; choose another --calibration"):
        edgeseg.quantize(
            workspace / "fastscnn_64x128_fp32.onnx",
            calibration=tmp_path / "file" / "kept.npz",
            path=tmp_path / "int8.onnx",
            progress=lambda what, done, total: counted.append(what),
        )
    assert not counted
