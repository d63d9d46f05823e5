"""What calibration saw, kept in a file."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeseg.core.container import write_facts
from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Calibration, Keep, Recipe
from edgeseg.core.types import Artifact, Normalization
from edgeseg.quantize import quantizer
from edgeseg.quantize.ranges.observers import BINS, METHODS
from tests.quantize.nets import artifact, calibrate, calibration


def nothing(source: Artifact, batches: Any, names: Collection[str] | None) -> Any:
    raise AssertionError("an image was run")


def taken(source: Artifact, path: Path) -> Calibration:
    """From a file, or not at all."""
    return replace(calibration(source), observe=nothing, keep=Keep(path, add=False))


@pytest.fixture(scope="module")
def kept(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of one TFLite file."""
    path = tmp_path_factory.mktemp("kept") / "kept.npz"
    source = artifact(folder, "tflite")
    calibrate(source, Recipe(), replace(calibration(source), keep=Keep(path, add=True)))
    return path


@pytest.mark.parametrize("method", METHODS)
def test_any_method_can_be_taken_from_the_file(folder: Path, kept: Path, method: str) -> None:
    source, recipe = artifact(folder, "tflite"), Recipe(method=method, percentile=99.0)
    again = calibrate(source, recipe, taken(source, kept))
    assert again == calibrate(source, recipe, calibration(source))
    assert str(again.source) == "8 images of noise"


def test_the_file_is_small(kept: Path, folder: Path) -> None:
    tensors = len(calibrate(artifact(folder, "tflite"), Recipe(), taken(artifact(folder, "tflite"), kept)).values)
    assert kept.stat().st_size < tensors * 2 * BINS * 8 / 10


def test_one_file_serves_both_formats_and_the_result_is_the_same(folder: Path, tmp_path: Path) -> None:
    path, results = tmp_path / "kept.npz", []
    sources = [artifact(folder, format) for format in ("onnx", "tflite")]
    for turn in range(2):
        for source in sources:
            new = replace(calibration(source), keep=Keep(path, add=True))
            given = taken(source, path) if turn else new
            target = tmp_path / f"{turn}_{source.path.name}"
            quantizer(source.facts.format)(source, Recipe(), given, target)
            results.append(target.read_bytes())
    assert results[:2] == results[2:]


def test_only_a_lasting_file_sees_all_images_before_equalization(folder: Path, tmp_path: Path) -> None:
    source, runs = artifact(folder, "onnx"), {}
    for lasting in (True, False):
        seen: list[int] = []
        once = calibration(source)
        given = replace(
            once,
            batches=[*once.batches, *once.batches],
            count=16,
            keep=Keep(tmp_path / f"{lasting}.npz", add=True, lasting=lasting),
            progress=lambda what, done, total, seen=seen: seen.append(total),
        )
        quantizer("onnx")(source, Recipe(), given, tmp_path / "int8.onnx")
        runs[lasting] = sorted(set(seen))
    assert runs == {True: [16], False: [8, 16]}


def test_another_float_file_is_refused(folder: Path, kept: Path, tmp_path: Path) -> None:
    other = artifact(folder, "onnx")
    with pytest.raises(
        InputError,
        match=r"kept\.npz: holds .* net_scores\.tflite \(\w{12}\), not of net_scores\.onnx .* now; name",
    ):
        quantizer("onnx")(other, Recipe(), taken(other, kept), tmp_path / "int8.onnx")
    assert not list(tmp_path.iterdir())
    same = artifact(folder, "tflite")
    changed = Artifact(tmp_path / same.path.name, replace(same.facts, notes=("trained further",)))
    shutil.copy(same.path, changed.path)
    write_facts(changed.path, changed.facts)
    with pytest.raises(InputError, match=r"net_scores\.tflite \(\w{12}\), not of net_scores\.tflite \(\w{12}\)"):
        calibrate(changed, Recipe(), taken(changed, kept))


def test_images_given_otherwise_are_other_images(folder: Path, kept: Path) -> None:
    source = artifact(folder, "tflite")
    raw = replace(source.facts.input, normalization=Normalization((0, 0, 0), (1, 1, 1)))
    with pytest.raises(InputError, match=r"as it is run now \(.*--without, --input or --target are not those it"):
        calibrate(Artifact(source.path, replace(source.facts, input=raw)), Recipe(), taken(source, kept))


def test_damaged_and_foreign_files(folder: Path, kept: Path, tmp_path: Path) -> None:
    source = artifact(folder, "tflite")
    whole = kept.read_bytes()
    other = tmp_path / "foreign.npz"
    np.savez(other, something=np.zeros(3))
    later = tmp_path / "later.npz"
    np.savez(later, header=np.array('{"schema": 99}'))
    swapped = bytearray(whole)
    swapped[len(whole) // 2] ^= 0xFF
    broken = tmp_path / "broken.npz"
    for content in (whole[: len(whole) // 2], whole[:-30], bytes(swapped), b"text", b"", other.read_bytes()):
        broken.write_bytes(content)
        for add in (True, False):
            given = replace(taken(source, broken), keep=Keep(broken, add=add))
            with pytest.raises(InputError, match=r"broken\.npz: not a whole calibration file; delete it"):
                calibrate(source, Recipe(), given)
        assert broken.read_bytes() == content
    with pytest.raises(InputError, match=r"later\.npz: calibration of schema 99"):
        calibrate(source, Recipe(), taken(source, later))
    with pytest.raises(InputError, match=r"gone\.npz: No such file"):
        calibrate(source, Recipe(), taken(source, tmp_path / "gone.npz"))


def test_a_pickle_is_not_opened(folder: Path, tmp_path: Path) -> None:
    path, source = tmp_path / "pickle.npz", artifact(folder, "tflite")
    np.savez(path, allow_pickle=True, header=np.array([{"schema": 1}], dtype=object))
    with pytest.raises(InputError, match=r"pickle\.npz: not a whole calibration file"):
        calibrate(source, Recipe(), taken(source, path))


def test_nothing_is_kept_where_no_image_was_seen(folder: Path, tmp_path: Path) -> None:
    source, path = artifact(folder, "tflite"), tmp_path / "kept.npz"
    with pytest.raises(InputError, match="at least one"):
        calibrate(source, Recipe(), replace(calibration(source), batches=(), keep=Keep(path, add=True)))
    assert not path.exists()
