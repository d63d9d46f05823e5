"""Files that keep their weights beside them are of one piece with those."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx.external_data_helper import set_external_data

from edgeseg.core.errors import InputError
from edgeseg.core.parts import parts
from edgeseg.pipeline.sources import Source, as_artifact
from tests.small import small_onnx


def test_size_and_identity_of_a_file_hold_for_its_external_data(tmp_path: Path) -> None:
    whole = small_onnx(tmp_path / "whole.onnx")
    split, weights = tmp_path / "split.onnx", tmp_path / "weights" / "split.data"
    weights.parent.mkdir()
    onnx.save(onnx.load(whole), split, save_as_external_data=True, location="weights/split.data", size_threshold=0)
    assert (parts(whole), parts(split)) == ([whole], [split, weights])
    artifact = as_artifact(Source(str(split)))
    assert artifact.size_bytes == split.stat().st_size + weights.stat().st_size > 10_000
    before = artifact.sha256
    content = bytearray(weights.read_bytes())
    content[100] ^= 1
    weights.write_bytes(content)
    assert artifact.sha256 != before
    weights.unlink()
    with pytest.raises(InputError, match=r"split\.onnx: its weights are not here; expected them in .*split\.data"):
        artifact.size_bytes  # noqa: B018


@pytest.mark.parametrize("location", ["../elsewhere.data", "/elsewhere.data"])
def test_weights_outside_of_its_folder_are_none_of_it(location: str, tmp_path: Path) -> None:
    model = onnx.load(small_onnx(tmp_path / "net.onnx"))
    for tensor in model.graph.initializer:
        set_external_data(tensor, location)
        tensor.ClearField("raw_data")
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    (tmp_path.parent / "elsewhere.data").touch()
    with pytest.raises(InputError, match=r"net\.onnx: its weights are not here"):
        parts(tmp_path / "net.onnx")
