"""The picture of a comparison."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgeseg.core.record import Record
from edgeseg.core.source import Source
from edgeseg.core.types import Size
from edgeseg.pipeline.measure.comparing import PICTURE, Comparison, write_picture
from edgeseg.pipeline.sources import as_artifact
from tests.small import small_onnx


def record(path: Path, size: Size, **changes: object) -> Record:
    made = Record(path.name, "net", "onnx", "fp32", "logits", size, 1, "onnxruntime", "cpu", 1, (1.0,), (2.0,))
    return replace(made, sha256=as_artifact(Source(str(path))).sha256, **changes)


def test_files_of_two_sizes_are_not_drawn_side_by_side(tmp_path: Path) -> None:
    base, same = (small_onnx(tmp_path / name, layers) for name, layers in (("net.onnx", 2), ("same.onnx", 1)))
    large = small_onnx(tmp_path / "large.onnx", height=64, width=128)
    parent = record(base, Size(32, 64))
    made = {"precision": "int8", "parent_sha256": parent.sha256}
    records = (parent, record(large, Size(64, 128), **made), record(same, Size(32, 64), **made))
    found = Comparison(tuple(Source(str(path)) for path in (base, large, same)), records)
    assert write_picture(tmp_path, Comparison(found.sources[:2], records[:2]), "scenes", None) is None
    assert write_picture(tmp_path, found, "scenes", None, images=1) == tmp_path / PICTURE
