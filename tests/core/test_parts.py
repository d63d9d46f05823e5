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


def test_constants_of_nodes_and_subgraphs_are_parts_too(tmp_path: Path) -> None:
    def constant(location: str) -> onnx.NodeProto:
        tensor = onnx.helper.make_tensor("value", onnx.TensorProto.FLOAT, [1], b"1234", raw=True)
        set_external_data(tensor, location)
        tensor.ClearField("raw_data")
        (tmp_path / location).write_bytes(b"1234")
        return onnx.helper.make_node("Constant", [], ["value"], value=tensor)

    branches = {
        name: onnx.helper.make_graph([constant(f"{name}.data")], name, [], [onnx.ValueInfoProto(name="value")])
        for name in ("then_branch", "else_branch")
    }
    nodes = [constant("outer.data"), onnx.helper.make_node("If", ["which"], ["chosen"], **branches)]
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx.helper.make_model(onnx.helper.make_graph(nodes, "net", [], [])).SerializeToString())
    assert [part.name for part in parts(path)] == ["net.onnx", "else_branch.data", "outer.data", "then_branch.data"]


@pytest.mark.parametrize("location", ["../elsewhere.data", "/elsewhere.data"])
def test_weights_outside_of_its_folder_are_none_of_it(location: str, tmp_path: Path) -> None:
    model = onnx.load(small_onnx(tmp_path / "net.onnx"))
    for tensor in model.graph.initializer:
        set_external_data(tensor, location)
        tensor.ClearField("raw_data")
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    (tmp_path.parent / "elsewhere.data").touch()
    with pytest.raises(InputError, match=r"net\.onnx: keeps weights in .*, and only what lies beside"):
        parts(tmp_path / "net.onnx")
