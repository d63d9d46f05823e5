from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from ai_edge_litert.tools import flatbuffer_utils

import edgeseg
from edgeseg.bench.profiles.madds import count_madds
from edgeseg.core.container import read_facts
from edgeseg.core.errors import InputError, MeasureError, QuantizeError
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact
from edgeseg.graphs import read_graph
from edgeseg.pipeline.files.pinning import pinned
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.profiling import profile_file
from edgeseg.pipeline.silence import silent
from edgeseg.pipeline.worth.verdict import hold_against

FORMATS = ("onnx", "tflite")


@pytest.fixture
def both(workspace: Path, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Artifact, Artifact]:
    """A float file, and the same without counts and with an input of any size."""
    path = workspace / f"fastscnn_64x128_fp32.{request.param}"
    facts = read_facts(path)
    assert facts is not None
    opened = tmp_path / path.name
    if request.param == "onnx":
        model = onnx.load(path)
        for side, name in zip(model.graph.input[0].type.tensor_type.shape.dim, "n?hw", strict=True):
            if name != "?":
                side.dim_param = name
        del model.graph.value_info[:]
        onnx.save(model, opened)
    else:
        tflite = flatbuffer_utils.read_model(str(path))
        for tensor in tflite.subgraphs[0].tensors:
            if len(tensor.shape) == 4 and tflite.buffers[tensor.buffer].data is None:
                tensor.shapeSignature = np.array([1, -1, -1, tensor.shape[3]], np.int32)
        flatbuffer_utils.write_model(tflite, str(opened))
    return Artifact(path, facts), Artifact(opened, facts)


@pytest.mark.parametrize("both", FORMATS, indirect=True)
def test_a_copy_has_the_size_of_the_facts(both: tuple[Artifact, Artifact]) -> None:
    fixed, opened = both
    with pytest.raises(MeasureError, match="not fully known"):
        count_madds(read_graph(opened.path))
    with pinned(opened) as copy, pinned(fixed) as same:
        assert count_madds(read_graph(copy.path)) == count_madds(read_graph(fixed.path))
        assert same is fixed
        copied = copy.path
    assert not copied.exists()


@pytest.mark.parametrize("both", FORMATS, indirect=True)
def test_a_file_of_open_size_is_quantized_for_one(both: tuple[Artifact, Artifact], tmp_path: Path) -> None:
    fixed, opened = both
    integer = edgeseg.quantize(opened, count=2, path=tmp_path / f"int8.{fixed.facts.format}")
    assert read_graph(integer.path).inputs[0].shape == integer.facts.input.shape
    assert integer.facts.parent_sha256 == opened.sha256
    assert integer.facts.madds == fixed.facts.madds


@pytest.mark.parametrize("both", ["onnx"], indirect=True)
def test_a_failure_names_the_file_itself(both: tuple[Artifact, Artifact]) -> None:
    _, opened = both
    with pytest.raises(QuantizeError, match=rf"^{opened.path}: no$"), pinned(opened) as copy:
        raise QuantizeError(f"{copy.path}: no")


@pytest.mark.parametrize("both", FORMATS, indirect=True)
def test_a_file_of_open_size_is_held_against_its_integers_and_profiled(both: tuple[Artifact, Artifact]) -> None:
    fixed, opened = both
    verdict = hold_against(fixed, opened, 1)
    assert verdict.contest.ratio > 0
    assert verdict.other_profile.name == opened.path.name
    source = Source(str(opened.path), size=fixed.facts.input.size, classes=len(fixed.facts.classes))
    assert profile_file(Job(source, threads=1), silent).operators


def test_no_source_is_replaced(workspace: Path, tmp_path: Path, cli) -> None:
    kept = (workspace / "fastscnn_64x128_fp32.onnx").read_bytes()
    for name in ("net.onnx", "net_int8.onnx"):
        (tmp_path / name).write_bytes(kept)
    with pytest.raises(InputError, match=r"net\.onnx: a source, which the file made would replace"):
        edgeseg.quantize(tmp_path / "net.onnx", count=2, path=tmp_path / "net.onnx")
    done = cli("quantize", "net.onnx", "net_int8.onnx", "--int8", "--samples", "2", "--out", ".")
    assert done.returncode == 2
    assert "net_int8.onnx: a source, which the file made would replace; choose another name or --out" in done.stderr
    assert all((tmp_path / name).read_bytes() == kept for name in ("net.onnx", "net_int8.onnx"))
