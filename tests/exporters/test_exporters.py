"""Heads, parity and refusals, on small networks of both frameworks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F

from edgeseg import runtimes
from edgeseg.core.errors import ExportError, InputError
from edgeseg.core.protocols import ExportSpec
from edgeseg.core.types import Format, Model, Size
from edgeseg.exporters import declarations, export_model, exporter, keras_program, parity, torch_program
from edgeseg.models.blocks.keras_resize import ResizeBilinear

SIZE = Size(32, 48)
NAMES = ("a", "b", "c", "d", "e")
PROGRAMS = {"torch": torch_program, "keras": keras_program}


class Net(nn.Module):
    def __init__(self, ending: str = "bilinear", classes: int = 5, output: str = "tensor") -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Conv2d(8, classes, 1)
        self.ending, self.output = ending, output

    def forward(self, x: torch.Tensor) -> Any:
        y = self.head(F.relu(self.norm(self.stem(x))))
        if self.ending == "bilinear":
            y = F.interpolate(y, size=x.shape[2:], mode="bilinear", align_corners=True)
        elif self.ending == "nearest":
            y = F.interpolate(y, size=x.shape[2:])
        return {"tensor": y, "dict": {"out": y, "aux": x}, "tuple": (y, x)}[self.output]


def torch_model(network: nn.Module) -> Model:
    torch.manual_seed(0)
    return Model("toy", "torch", network.eval(), NAMES, size=SIZE)


def keras_model(ending: str = "bilinear") -> Model:
    keras.utils.set_random_seed(0)
    x = keras.Input((SIZE.height, SIZE.width, 3))
    y = keras.layers.Conv2D(8, 3, strides=2, padding="same")(x)
    y = keras.layers.ReLU()(keras.layers.BatchNormalization()(y))
    y = keras.layers.Conv2D(5, 1)(y)
    y = keras.layers.UpSampling2D(2, interpolation=ending)(y)
    return Model("toy", "keras", keras.Model(x, y), NAMES, size=SIZE)


def make(framework: str, ending: str = "bilinear") -> Model:
    return torch_model(Net(ending)) if framework == "torch" else keras_model(ending)


def batches() -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.standard_normal((1, SIZE.height, SIZE.width, 3)).astype(np.float32) for _ in range(2)]


@pytest.mark.parametrize("head", [None, "logits", "scores", "classmap"])
@pytest.mark.parametrize("stem", sorted(declarations()))
def test_every_head_is_the_same_function(stem: str, head: Any, tmp_path: Path) -> None:
    declared = declarations()[stem]
    model, spec = make(declared.source), ExportSpec(SIZE, head=head)
    artifact = export_model(model, declared.format, spec, tmp_path / f"toy.{declared.format}")
    facts = artifact.facts
    assert facts.output.head == (head or "scores")
    assert facts.output.size == (Size(16, 24) if facts.output.head == "scores" else SIZE)
    assert facts.output.align_corners == (declared.source == "torch" and facts.output.head == "scores")
    assert facts.notes == ()
    program = PROGRAMS[declared.source].trace(model, spec)
    with runtimes.open_session(artifact) as session:
        found = parity.parity(program, session, batches())
    assert parity.passes(found), found
    assert found.agreement_percent > 99.9
    assert found.images == 2


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_the_scores_of_a_network_without_a_bilinear_end_are_its_last(framework: str) -> None:
    program = PROGRAMS[framework].trace(make(framework, "nearest"), ExportSpec(SIZE))
    assert (program.output.head, program.output.size) == ("scores", SIZE)
    image = np.random.default_rng(0).normal(size=(1, SIZE.height, SIZE.width, 3)).astype(np.float32)
    given, logits = program.reference(image)
    assert np.array_equal(given, logits)


@pytest.mark.parametrize("output", ["dict", "tuple"])
def test_the_main_output_of_several_is_taken(output: str) -> None:
    model = torch_model(Net(output=output))
    result, logits = torch_program.trace(model, ExportSpec(SIZE)).reference(batches()[0])
    assert result.shape == (1, 16, 24, 5)
    assert logits.shape == (1, 32, 48, 5)


@pytest.mark.parametrize(
    ("output", "note"), [("dict", "'out' of 2 outputs is used"), ("tuple", "the first of 2 outputs")]
)
def test_outputs_left_out_are_noted(output: str, note: str, tmp_path: Path) -> None:
    artifact = export_model(torch_model(Net(output=output)), "onnx", ExportSpec(SIZE), tmp_path / "toy.onnx")
    (found,) = artifact.facts.notes
    assert found.startswith(note)


def test_outputs_left_out_of_a_keras_network_are_noted(tmp_path: Path) -> None:
    one = keras_model()
    two = replace(one, network=keras.Model(one.network.input, [one.network.output, one.network.layers[1].output]))
    artifact = export_model(two, "tflite", ExportSpec(SIZE), tmp_path / "toy.tflite")
    assert artifact.facts.notes == ("the first of 2 outputs is used",)


def test_batches(tmp_path: Path) -> None:
    artifact = export_model(make("torch"), "onnx", ExportSpec(SIZE, batch=3), tmp_path / "toy.onnx")
    with runtimes.open_session(artifact) as session:
        assert session.classmap(np.zeros((3, 3, 32, 48), np.float32)).shape == (3, 32, 48)


def test_a_resize_inside_a_keras_network_does_not_fall_a_pixel_short(tmp_path: Path) -> None:
    size = Size(113, 129)
    image = keras.Input((113, 129, 3))
    low = keras.layers.AveragePooling2D(4, padding="same")(image)  # 29 x 33; 29 * float32(113 / 29) < 113
    y = keras.layers.Add()([ResizeBilinear((113, 129))(low), image])
    model = Model("toy", "keras", keras.Model(image, y), NAMES[:3], size=size)
    artifact = export_model(model, "onnx", ExportSpec(size), tmp_path / "toy.onnx")
    onnx.shape_inference.infer_shapes(onnx.load(artifact.path), strict_mode=True)
    with runtimes.open_session(artifact) as session:
        assert session.run(np.zeros((1, 3, 113, 129), np.float32)).shape == (1, 3, 113, 129)


def test_a_file_that_differs_is_refused_and_its_layer_named(tmp_path: Path) -> None:
    model, spec = make("torch"), ExportSpec(SIZE)
    artifact = export_model(model, "onnx", spec, tmp_path / "toy.onnx")
    tampered = onnx.load(artifact.path)
    convolutions = [node for node in tampered.graph.node if node.op_type == "Conv"]
    for tensor in tampered.graph.initializer:
        if tensor.name == convolutions[-1].input[1]:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1.2), tensor.name))
    onnx.save(tampered, artifact.path)
    program = torch_program.trace(model, spec)
    with runtimes.open_session(artifact, tensors=True) as session:
        found = parity.parity(program, session, batches())
        assert not parity.passes(found)
        where = parity.first_difference(program, session, batches()[0])
    assert where == "head"
    assert "the first layer that differs is head" in str(parity.failure(found, "toy.onnx", where))


def test_sizes_and_classes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="5 logits a pixel, but 4 class names"):
        torch_program.trace(replace(make("torch"), classes=NAMES[:4]), ExportSpec(SIZE))
    with pytest.raises(InputError, match="16x24 for an image of 32x48"):
        torch_program.trace(torch_model(Net("none")), ExportSpec(SIZE))
    with pytest.raises(InputError, match="toy cannot take 16x16"):
        keras_program.trace(make("keras"), ExportSpec(Size(16, 16)))


def test_code_that_cannot_be_traced_is_one_line() -> None:
    class Branching(Net):
        def forward(self, x: torch.Tensor) -> Any:
            return super().forward(x if x.sum() > 0 else -x)

    with pytest.raises(ExportError, match=r"toy: torch\.export cannot trace it: [^\n]+$"):
        torch_program.trace(torch_model(Branching()), ExportSpec(SIZE))


@pytest.mark.parametrize("target", ["onnx", "tflite"])
def test_what_a_converter_lacks_is_named(target: Format, tmp_path: Path) -> None:
    class Places(Net):
        def forward(self, x: torch.Tensor) -> Any:
            maxima, places = F.adaptive_max_pool2d(x, 5, return_indices=True)
            return super().forward(x + maxima.mean() + places.float().mean())

    with pytest.raises(ExportError, match=r"^toy: [^\n]+ cannot write it: [^\n]*adaptive_max_pool2d[^\n]*$"):
        export_model(torch_model(Places()), target, ExportSpec(SIZE), tmp_path / "toy")


def test_a_pair_without_an_exporter() -> None:
    with pytest.raises(InputError, match=r"no exporter from torch to keras; there are: .*torch to onnx"):
        exporter("torch", "keras")
