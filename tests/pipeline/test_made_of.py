"""A MODEL is another one as soon as anything changes that it is read from."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.core.source import Source
from edgeseg.pipeline.made_of import digest

CODE = {
    "mine.py": "import json\n\nimport parts_of_mine\nfrom package_of_mine import nets",
    "package_of_mine/__init__.py": "",
    "package_of_mine/nets.py": "import mine\nfrom .blocks import conv\nfrom shared_of_mine.nested import ops",
    "shared_of_mine/__init__.py": "",
    "other_of_mine.py": "import mine",
}
"""Modules and packages that import one another, and one that imports but is not imported."""


@pytest.mark.parametrize(
    ("source", "file"),
    [
        (Source("net.onnx"), "net.onnx"),
        (Source("mine:build"), "mine.py"),
        (Source("mine:build"), "parts_of_mine.py"),
        (Source("mine:build"), "package_of_mine/blocks/conv.py"),
        (Source("mine:build"), "shared_of_mine/nested/ops.py"),
        (Source("package_of_mine.nets:build"), "package_of_mine/blocks/conv.py"),
        (Source("package_of_mine.nets:build"), "shared_of_mine/nested/ops.py"),
        (Source("net.keras"), "net.keras"),
        (Source("saved"), "saved/variables/variables.index"),
        (Source("fastscnn", weights="w.pth"), "w.pth"),
        (Source("deeplab_mobilenetv2", weights="model.ckpt"), "model.ckpt.data-00000-of-00001"),
        (Source("deeplab_xception65", cell="cell.json"), "cell.json"),
    ],
)
def test_every_file_of_it_counts(
    source: Source, file: str, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (*CODE, "saved/saved_model.pb", file):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(CODE.get(name, ""))
    if file.endswith(".onnx"):
        Path(file).write_bytes((workspace / "fastscnn_64x128_fp32.onnx").read_bytes())
    before = digest(source)
    assert digest(source) == before
    with Path(file).open("ab") as more:
        more.write(b"\x7a\x00")  # To an ONNX file an empty field that it has no name for.
    assert digest(source) != before


@pytest.mark.parametrize("source", [Source("mine:build"), Source("package_of_mine.nets:build")])
def test_code_that_is_not_imported_does_not_count(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, code in CODE.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(code)
    before = digest(source)
    Path("other_of_mine.py").write_text("")
    Path("json.py").write_text("the standard library's is imported")
    assert digest(source) == before


def test_what_needs_no_file_is_made_of_nothing() -> None:
    assert (
        digest(Source("fastscnn"))
        == digest(Source("smp:unet:resnet18"))
        == digest(Source("fastscnn", weights="random"))
    )


def test_a_file_that_cannot_be_read_has_none(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"half of a file")
    assert digest(Source(str(tmp_path / "net.onnx"))) == ""


def test_a_folder_of_the_name_of_a_network_is_no_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(Source("fastscnn"))
    monkeypatch.chdir(tmp_path)
    Path("fastscnn").mkdir()
    Path("fastscnn", "notes.txt").write_text("none of its weights")
    assert digest(Source("fastscnn")) == before
