"""`edgeseg.export` as a function, with what converters cannot do and what networks are used for besides."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest
import torch
from torch import Tensor, nn

import edgeseg
from edgeseg.core.errors import ExportError, InputError, ParityError
from edgeseg.core.types import Format, Size
from edgeseg.data import open_dataset
from edgeseg.data.write import write_folder
from edgeseg.graphs import read_graph


def test_a_file_that_cannot_be_run_is_named_by_its_network(tmp_path: Path) -> None:
    image = keras.Input((8, 12, 3))
    x = keras.ops.erfinv(keras.layers.Conv2D(5, 1, activation="tanh")(image))
    network = keras.Model(image, x, name="inverse")
    with pytest.raises(ExportError, match=r"^inverse: no onnx file of it can be made: .*Erfinv") as caught:
        edgeseg.export(network, "onnx", folder=tmp_path)
    message = str(caught.value)
    assert message.endswith("; write that part of the network in other operators, or export it --to tflite")
    assert str(tmp_path) not in message
    assert not list(tmp_path.iterdir())


def test_a_network_in_training_is_exported_as_it_is_used_and_trains_on(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(3, 5, 3, 1, 1), nn.BatchNorm2d(5), nn.Dropout(0.5)).train()
    network[1].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    edgeseg.export(network, "onnx", "16x32", folder=tmp_path)
    assert [module.training for module in network.modules()] == [True, True, False, True]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_an_artifact_whose_file_another_network_replaced_is_refused(tmp_path: Path) -> None:
    first, second = (edgeseg.export(nn.Conv2d(3, 5, 3, 1, 1), "onnx", "16x32", folder=tmp_path) for _ in range(2))
    assert first.path == second.path
    for use in (
        lambda: edgeseg.bench([second, first], None),
        lambda: edgeseg.quantize(first, count=1),
        lambda: edgeseg.gate(first, second, edgeseg.GateOptions(max_slowdown_percent=5)),
    ):
        with pytest.raises(InputError, match=r"conv2d_16x32_fp32\.onnx: another file than when this Artifact was made"):
            use()
    assert edgeseg.quantize(second, count=1).facts.precision == "int8"


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_what_computes_in_half_floats_is_exported_in_float32(tmp_path: Path, format: Format) -> None:
    image = keras.Input((16, 24, 3))
    half = keras.layers.Conv2D(8, 3, padding="same", activation="relu", dtype="mixed_float16")(image)
    network = keras.Model(image, keras.layers.Conv2D(5, 1)(half), name="half")
    artifact = edgeseg.export(network, format, folder=tmp_path)
    assert artifact.facts.notes == (
        "computes in float32 what the network, with the same weights, computes in half floats",
    )
    assert artifact.facts.parity is not None
    assert artifact.facts.parity.max_error < 1e-5
    dtypes = {tensor.dtype for node in read_graph(artifact.path).nodes for tensor in node.inputs if tensor.constant}
    assert "float32" in dtypes
    assert "float16" not in dtypes


class Mixing(nn.Module):
    """In a file, the mean of the batch's images takes the place of each."""

    def forward(self, x: Tensor) -> Tensor:
        mixed = x.mean(0, keepdim=True).expand_as(x) if torch.compiler.is_exporting() else x
        return nn.functional.pad(mixed, (0, 0, 0, 0, 0, 1))


@pytest.mark.parametrize("images", [1, 4])
def test_images_of_a_batch_that_are_mixed_are_seen(tmp_path: Path, images: int) -> None:
    write_folder(open_dataset("scenes", size=Size(16, 32), limit=images), tmp_path / "data")
    data = f"folder:{tmp_path / 'data'}"
    with pytest.raises(ParityError, match="not the same function"):
        edgeseg.export(Mixing(), "onnx", "16x32", batch=3, data=data, folder=tmp_path)
    artifact = edgeseg.export(nn.Conv2d(3, 5, 1), "onnx", "16x32", batch=3, data=data, folder=tmp_path)
    assert artifact.facts.parity is not None
    assert artifact.facts.parity.images == 3
