"""What is held against what; nothing is left out in silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgeseg.bench.comparison.records import write_records
from edgeseg.core.errors import InputError
from edgeseg.core.record import Record
from edgeseg.core.types import Size
from edgeseg.pipeline.gates.pairing import Pair, pairs_of

RECORD = Record("a.onnx", "net", "onnx", "fp32", "scores", Size(8, 8), 1, "onnxruntime", "cpu", 1, (1.0,), (1.0,))


def touched(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders_by_place_and_name(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    touched(old / "a.onnx", old / "sub" / "a.onnx", old / "notes.txt", new / "a.onnx", new / "b.tflite")
    touched(old / ".cache" / "z.onnx", old / "folder.onnx" / "notes.txt")
    found = {pair.name: pair for pair in pairs_of(old, new)}
    assert found["a.onnx"] == Pair("a.onnx", old / "a.onnx", new / "a.onnx")
    assert found["sub/a.onnx"].failure == f"no sub/a.onnx in {new}"
    assert found["b.tflite"].failure == f"no b.tflite in {old}"
    assert len(found) == 3


def test_links_are_followed_and_one_that_leads_nowhere_is_not_left_out(tmp_path: Path) -> None:
    old, new, real = tmp_path / "old", tmp_path / "new", tmp_path / "real"
    touched(old / "a.onnx", new / "a.onnx", real / "c.onnx")
    for folder in (old, new):
        (folder / "sub").symlink_to(real)
        (folder / "around").symlink_to(folder)
        (folder / "gone.onnx").symlink_to(tmp_path / "nowhere.onnx")
    found = {pair.name: (pair.baseline, pair.candidate) for pair in pairs_of(old, new)}
    names = ["a.onnx", "gone.onnx", "sub/c.onnx"]
    assert found == {name: (old / name, new / name) for name in names}


def test_a_folder_that_cannot_be_read_is_not_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touched(tmp_path / "a.onnx", tmp_path / "sub" / "b.onnx")
    listed = Path.iterdir

    def iterdir(folder: Path) -> Iterator[Path]:
        if folder.name == "sub":
            raise PermissionError(13, "Permission denied")
        return listed(folder)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(InputError, match="sub: Permission denied"):
        pairs_of(tmp_path, tmp_path)


def test_two_files_need_no_common_name(tmp_path: Path) -> None:
    touched(tmp_path / "a.onnx", tmp_path / "b.onnx")
    assert pairs_of(tmp_path / "a.onnx", tmp_path / "b.onnx") == [
        Pair("b.onnx", tmp_path / "a.onnx", tmp_path / "b.onnx")
    ]


def test_records_by_name(tmp_path: Path) -> None:
    stored, new = tmp_path / "records.json", tmp_path / "new"
    touched(new / "c.onnx")
    write_records(stored, [RECORD])
    assert pairs_of(stored, new / "c.onnx") == [Pair("c.onnx", RECORD, new / "c.onnx")]
    assert [pair.failure for pair in pairs_of(stored, new)] == [f"no a.onnx in {new}", f"no c.onnx in {stored}"]
    touched(new / "a.onnx")
    assert [(pair.name, pair.failure) for pair in pairs_of(stored, new)] == [
        ("a.onnx", None),
        ("c.onnx", f"no c.onnx in {stored}"),
    ]
    write_records(stored, [])
    assert [pair.failure for pair in pairs_of(stored, new)] == [f"no a.onnx in {stored}", f"no c.onnx in {stored}"]


def test_names_that_are_not_unique_are_refused(tmp_path: Path) -> None:
    stored, new = tmp_path / "records.json", tmp_path / "new"
    touched(new / "a.onnx", new / "sub" / "a.onnx")
    write_records(stored, [RECORD])
    with pytest.raises(InputError, match="several of one name"):
        pairs_of(stored, new)
    write_records(stored, [RECORD, replace(RECORD, threads=2)])
    with pytest.raises(InputError, match="several of one name"):
        pairs_of(stored, new / "sub")
