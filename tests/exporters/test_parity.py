"""Networks that unpool to maxima, some of which lie a rounding error apart."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from ai_edge_litert.tools import flatbuffer_utils
from onnx import numpy_helper
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

import edgeseg
from edgeseg import models, runtimes
from edgeseg.cli.export import exported_lines
from edgeseg.core.protocols import ExportSpec
from edgeseg.core.types import Artifact, Format, Model, Parity, Size
from edgeseg.exporters import export_model, maxima, parity, torch_program
from edgeseg.exporters.program import Program
from edgeseg.graphs import read_graph

PATCH = 5
SIZE = Size(8 * PATCH, 12 * PATCH)
FORMATS = ("onnx", "tflite")


class Unpooling(nn.Module):
    """Sums patches, pools the sums and puts other values to where the maxima were."""

    def __init__(self) -> None:
        super().__init__()
        self.sums = nn.Conv2d(3, 4, PATCH, PATCH)
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.inner = nn.Conv2d(4, 4, 1)
        self.head = nn.Conv2d(4, 3, 1)
        with torch.no_grad():
            self.sums.weight[:] = torch.tensor([0.1, 0.3, 0.7, -0.9]).view(4, 1, 1, 1)
            self.inner.bias += 1

    def forward(self, x: Tensor) -> Tensor:
        pooled, places = self.pool(self.sums(x))
        y = self.head(F.max_unpool2d(self.inner(pooled), places, 2))
        return F.interpolate(y, size=x.shape[2:], mode="bilinear", align_corners=False)


def tied_pixels() -> np.ndarray:
    """An image in each cell of which the four patches hold the same pixels in another order, so that the sums tie."""
    draw = np.random.default_rng(0)
    cells = draw.integers(0, 256, (4, 6, 1, PATCH * PATCH, 3), np.uint8)
    shuffled = np.concatenate([draw.permutation(cells, axis=3) for _ in range(4)], axis=2)
    patches = shuffled.reshape(4, 6, 2, 2, PATCH, PATCH, 3).transpose(0, 2, 4, 1, 3, 5, 6)
    return patches.reshape(SIZE.height, SIZE.width, 3)


def ties() -> np.ndarray:
    return (tied_pixels()[np.newaxis] / np.float32(64) - 2).astype(np.float32)


def clear() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((1, SIZE.height, SIZE.width, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    return Model("toy", "torch", Unpooling().eval(), ("a", "b", "c"), size=SIZE)


@pytest.fixture(scope="module")
def artifacts(model: Model, tmp_path_factory: pytest.TempPathFactory) -> dict[Format, Artifact]:
    folder = tmp_path_factory.mktemp("unpooling")
    return {target: export_model(model, target, ExportSpec(SIZE), folder / f"toy.{target}") for target in FORMATS}


def winners(artifact: Artifact, given: np.ndarray) -> list[np.ndarray]:
    """What the file's poolings take on a batch in its layout."""
    found = maxima.comparisons(read_graph(artifact.path))
    names = tuple(name for at in found for name in (at.lower, at.right_above, at.right_below))
    with runtimes.open_session(artifact, watch=names) as session:
        return maxima.winners(found, dict(session.tensors(given)))


def judged(program: Program, artifact: Artifact, image: np.ndarray, *, by_maxima: bool = True) -> Parity:
    with runtimes.open_session(artifact) as session:
        return parity.parity(program, session, [image], partial(winners, artifact) if by_maxima else None)


def changed(artifact: Artifact, path: Path, change_onnx: Callable[[Any], None], change_tflite: Any) -> Artifact:
    """A copy of a file with a change in it."""
    if path.suffix == ".onnx":
        file = onnx.load(artifact.path)
        change_onnx(file.graph)
        onnx.save(file, path)
    else:
        shutil.copy(artifact.path, path)
        file = flatbuffer_utils.read_model(str(path))
        change_tflite(file)
        flatbuffer_utils.write_model(file, str(path))
    return Artifact(path, artifact.facts)


@pytest.mark.parametrize("target", FORMATS)
def test_other_maxima_in_ties_pass_and_every_value_counts(model: Model, artifacts: Any, target: Format) -> None:
    program = torch_program.trace(model, ExportSpec(SIZE))
    plain = judged(program, artifacts[target], ties(), by_maxima=False)
    if parity.passes(plain):
        pytest.skip("on this processor the runtime rounds these ties as PyTorch does")
    assert (plain.other_maxima, plain.tie_error) == (0, 0.0)
    found = judged(program, artifacts[target], ties())
    assert parity.passes(found)
    assert found.max_error < 1e-5
    assert found.other_maxima > 0
    assert 0 < found.tie_error < parity.MAX_TIE_ERROR


def test_an_export_says_so(model: Model, tmp_path: Path) -> None:
    for folder, pixels in (("images", tied_pixels()), ("masks", np.zeros((SIZE.height, SIZE.width), np.uint8))):
        (tmp_path / folder).mkdir()
        Image.fromarray(pixels).save(tmp_path / folder / "0.png")
    artifact = edgeseg.export(model, "onnx", data=f"folder:{tmp_path}", folder=tmp_path)
    found = artifact.facts.parity
    assert found is not None
    assert found.other_maxima > 0
    assert (
        f"note: {found.other_maxima} maxima taken from another pixel than in the source" in exported_lines(artifact)[-1]
    )


@pytest.mark.parametrize("head", ["logits", "classmap"])
def test_whatever_the_head(model: Model, head: Any, tmp_path: Path) -> None:
    spec = ExportSpec(SIZE, head=head)
    artifact, program = export_model(model, "onnx", spec, tmp_path / "toy.onnx"), torch_program.trace(model, spec)
    assert not parity.passes(judged(program, artifact, ties(), by_maxima=False))
    found = judged(program, artifact, ties())
    assert parity.passes(found)
    assert found.other_maxima > 0


@pytest.mark.parametrize("target", FORMATS)
def test_the_wrong_pixel_of_a_clear_cell_is_refused(
    model: Model, artifacts: Any, target: Format, tmp_path: Path
) -> None:
    program = torch_program.trace(model, ExportSpec(SIZE))
    assert judged(program, artifacts[target], clear()).max_error < 1e-5
    wrong = changed(artifacts[target], tmp_path / f"toy.{target}", onnx_compares_backwards, tflite_compares_backwards)
    found = judged(program, wrong, clear())
    assert not parity.passes(found)
    assert found.tie_error > 0.01
    assert found.max_error == judged(program, wrong, clear(), by_maxima=False).max_error
    message = str(parity.failure(found, wrong.path.name, None))
    assert "a maximum that it unpools to lies" in message
    assert "(allowed 1e-05)" in message


def onnx_compares_backwards(graph: Any) -> None:
    """Left pixels for right ones, both where they are compared and in the maximum, which stays the same."""
    for node in graph.node:
        if node.op_type in ("Greater", "Max"):
            node.input[:] = reversed(node.input)


def tflite_compares_backwards(file: Any) -> None:
    for name in ("GREATER", "MAXIMUM"):
        for operator in operators(file, name):
            operator.inputs = operator.inputs[::-1]


def operators(file: Any, name: str) -> list[Any]:
    code = getattr(flatbuffer_utils.schema_fb.BuiltinOperator, name)
    known = [found.builtinCode == code for found in file.operatorCodes]
    return [operator for operator in file.subgraphs[0].operators if known[operator.opcodeIndex]]


@pytest.mark.parametrize("target", FORMATS)
def test_ties_excuse_no_other_difference(model: Model, artifacts: Any, target: Format, tmp_path: Path) -> None:
    program = torch_program.trace(model, ExportSpec(SIZE))
    wrong = changed(artifacts[target], tmp_path / f"toy.{target}", scale_onnx_head, scale_tflite_head)
    found = judged(program, wrong, ties())
    assert found.tie_error <= parity.MAX_TIE_ERROR
    assert 1e-3 < found.max_error < 1e-2
    assert not parity.passes(found)


def scale_onnx_head(graph: Any) -> None:
    head = [node for node in graph.node if node.op_type == "Conv"][-1].input[1]
    weights = next(tensor for tensor in graph.initializer if tensor.name == head)
    weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights) * np.float32(1.005), head))


def scale_tflite_head(file: Any) -> None:
    weights = file.subgraphs[0].tensors[operators(file, "CONV_2D")[-1].inputs[1]]
    buffer = file.buffers[weights.buffer]
    buffer.data = (np.asarray(buffer.data, np.uint8).view(np.float32) * np.float32(1.005)).view(np.uint8)


def test_a_file_whose_maxima_cannot_be_read_is_compared_as_it_is(model: Model, artifacts: Any) -> None:
    program = torch_program.trace(model, ExportSpec(SIZE))
    plain = judged(program, artifacts["onnx"], ties(), by_maxima=False)
    for unfit in ([], [np.zeros(3, np.uint8)], [np.zeros(96, np.uint8)] * 2):
        with runtimes.open_session(artifacts["onnx"]) as session:
            assert parity.parity(program, session, [ties()], lambda _given, unfit=unfit: unfit) == plain


@pytest.mark.slow
@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("name", ["segnet", "enet"])
def test_a_network_with_the_files_maxima_is_the_files_function(name: str, target: Format, tmp_path: Path) -> None:
    size = Size(64, 128)
    network, spec = models.load(name, weights="random", size=size), ExportSpec(size)
    artifact = export_model(network, target, spec, tmp_path / f"{name}.{target}")
    image = np.random.default_rng(0).standard_normal((1, 64, 128, 3)).astype(np.float32)
    given = np.ascontiguousarray(image.transpose(0, 3, 1, 2)) if target == "onnx" else image
    followed = torch_program.trace(network, spec).follow(image, winners(artifact, given))
    assert followed is not None
    assert followed.tie_error <= parity.MAX_TIE_ERROR
    with runtimes.open_session(artifact) as session:
        given_back = session(given).transpose(0, 2, 3, 1) if target == "onnx" else session(given)
    assert np.abs(given_back - followed.expected).max() <= 1e-5 * np.ptp(followed.expected)
