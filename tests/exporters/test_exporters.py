"""Heads, parity and refusals, on small networks of both frameworks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F

import edgeseg
from edgeseg import runtimes
from edgeseg.core.errors import ExportError, InputError
from edgeseg.core.protocols import ExportSpec
from edgeseg.core.types import Format, Model, Size
from edgeseg.exporters import declarations, export_model, exporter, keras_program, parity, torch_program
from edgeseg.exporters.program import BEFORE_SOFTMAX
from edgeseg.graphs import read_graph
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


class Classified(nn.Module):
    """Enlarged, then classified, then made shares that sum to one."""

    def __init__(self, *, softmax: bool, enlarged: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2 if enlarged else 1, padding=1)
        self.drop, self.head, self.norm = nn.Dropout2d(0.1), nn.Conv2d(4, 5, 1, bias=False), nn.BatchNorm2d(5)
        self.softmax, self.enlarged = softmax, enlarged

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.stem(x))
        if self.enlarged:
            y = F.interpolate(y, size=x.shape[2:], mode="bilinear")
        y = self.norm(self.head(self.drop(y)))
        return y.softmax(1) if self.softmax else y


def keras_classified(*, softmax: bool, enlarged: bool, in_layer: bool = False) -> Model:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    x = keras.Input((SIZE.height, SIZE.width, 3))
    y = layers.Conv2D(4, 3, strides=2 if enlarged else 1, padding="same", activation="relu")(x)
    if enlarged:
        y = layers.UpSampling2D(2, interpolation="bilinear")(y)
    y = layers.Conv2D(4, 1)(layers.Dropout(0.1)(y))
    y = layers.BatchNormalization(moving_mean_initializer="ones")(y)
    y = layers.Conv2D(5, 1, activation="softmax" if softmax and in_layer else None)(y)
    if softmax and not in_layer:
        y = layers.Activation("softmax")(y)
    return Model("toy", "keras", keras.Model(x, y), NAMES, size=SIZE)


@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize("enlarged", [False, True])
@pytest.mark.parametrize("stem", [*sorted(declarations()), "keras_to_tflite in its last layer"])
def test_scores_are_those_before_the_upsample_and_the_softmax(
    stem: str, enlarged: bool, softmax: bool, tmp_path: Path
) -> None:
    stem, _, in_layer = stem.partition(" ")
    declared = declarations()[stem]
    if declared.source == "torch":
        model = torch_model(Classified(softmax=softmax, enlarged=enlarged))
    else:
        model = keras_classified(softmax=softmax, enlarged=enlarged, in_layer=bool(in_layer))
    artifact = edgeseg.export(model, declared.format, path=tmp_path / f"toy.{declared.format}")
    assert artifact.facts.output.size == (Size(16, 24) if enlarged else SIZE)
    assert artifact.facts.notes == ((BEFORE_SOFTMAX,) if softmax else ())
    assert artifact.facts.parity is not None
    assert artifact.facts.parity.agreement_percent == 100
    operators = {node.op.upper() for node in read_graph(artifact.path).nodes}
    assert not operators & {"SOFTMAX", "RESIZE", "RESIZE_BILINEAR"}


class Masked(nn.Module):
    """A class, or a border, that is written over behind the last upsample or the softmax."""

    def __init__(self, behind: str) -> None:
        super().__init__()
        self.stem, self.behind = nn.Conv2d(3, 5, 3, stride=2, padding=1), behind

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.interpolate(self.stem(x), size=x.shape[2:], mode="bilinear")
        if self.behind == "upsample":
            y[:, 0] = -50.0
        y = y.softmax(1)
        if self.behind == "softmax":
            y[:, 0] = 0
        return y


@pytest.mark.parametrize("behind", ["upsample", "softmax"])
def test_what_is_written_over_the_scores_is_in_the_file(behind: str, tmp_path: Path) -> None:
    artifact = edgeseg.export(torch_model(Masked(behind)), path=tmp_path / "toy.onnx")
    assert artifact.facts.output.size == SIZE
    with runtimes.open_session(artifact) as session:
        scores = session(np.full((1, 3, SIZE.height, SIZE.width), 3, np.float32))
    assert scores[:, 0].max() < scores[:, 1:].min()


@pytest.mark.parametrize("ending", ["antialias", "own softmax", "own convolution"])
def test_a_keras_end_that_only_looks_like_one_stays(ending: str) -> None:
    class Conv2D(keras.layers.Conv2D):
        def call(self, inputs: Any) -> Any:
            return keras.ops.softmax(keras.ops.conv(inputs, self.kernel * 2), -1)

    def softmax(x: Any) -> Any:
        return keras.ops.softmax(x, axis=2)

    keras.utils.set_random_seed(0)
    x = keras.Input((SIZE.height, SIZE.width, 3))
    y = keras.layers.Conv2D(5, 3, padding="same")(x)
    if ending == "antialias":
        y = keras.layers.Resizing(SIZE.height, SIZE.width, antialias=True)(keras.layers.UpSampling2D(2)(y))
    elif ending == "own softmax":
        y = keras.layers.Conv2D(5, 1, activation=softmax)(y)
    else:
        y = Conv2D(5, 1, activation="softmax")(y)
    model = Model("toy", "keras", keras.Model(x, y), NAMES, size=SIZE)
    program = keras_program.trace(model, ExportSpec(SIZE))
    assert (program.output.size, program.complete, program.notes) == (SIZE, None, ())


def test_scores_that_become_other_logits_are_no_parity() -> None:
    model = torch_model(Classified(softmax=False, enlarged=True))
    program = torch_program.trace(model, ExportSpec(SIZE))
    wrong = replace(program, complete=lambda scores: program.complete(scores) * 1.01)
    for each, is_same in ((program, True), (wrong, False)):
        found = parity.parity(each, Given(program), batches())
        assert parity.passes(found) == is_same
        assert found.agreement_percent == 100


class Given:
    """A session that gives what the program says, in its own order of dimensions."""

    def __init__(self, program: Any) -> None:
        self.program = program
        self.facts = SimpleNamespace(input=SimpleNamespace(layout="NHWC"), output=SimpleNamespace(layout="NHWC"))

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        return self.program.reference(batch)[0]

    def classmap(self, batch: np.ndarray) -> np.ndarray:
        return self.program.reference(batch)[1].argmax(-1)


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_logits_are_what_the_network_gives(framework: str, tmp_path: Path) -> None:
    shape = {"softmax": True, "enlarged": True}
    model = torch_model(Classified(**shape)) if framework == "torch" else keras_classified(**shape)
    artifact = edgeseg.export(model, "onnx", head="logits", path=tmp_path / "toy.onnx")
    assert artifact.facts.notes == ()
    image = np.ascontiguousarray(batches()[0].transpose(0, 3, 1, 2))
    with runtimes.open_session(artifact) as session:
        shares = session(image)
    assert np.allclose(shares.sum(1), 1, atol=1e-5)


class Ending(nn.Module):
    """Logits enlarged to the image's size, by factors that need not be those of the sizes."""

    def __init__(self, height: int, *factors: float) -> None:
        super().__init__()
        self.conv, self.height, self.factors = nn.Conv2d(3, 5, 1), height, factors

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        part = self.conv(x)[:, :, : self.height, :24]
        return F.interpolate(part, scale_factor=self.factors, mode="bilinear")


@pytest.mark.parametrize("target", ["onnx", "tflite"])
@pytest.mark.parametrize(("ending", "scores"), [(Ending(16, 2, 2), Size(16, 24)), (Ending(23, 1.4, 2), SIZE)])
def test_an_upsample_is_left_to_the_session_where_its_factor_is_that_of_the_sizes(
    ending: nn.Module, scores: Size, target: Format, tmp_path: Path
) -> None:
    artifact = edgeseg.export(torch_model(ending), target, path=tmp_path / f"toy.{target}")
    assert (artifact.facts.output.head, artifact.facts.output.size) == ("scores", scores)


class UnderAMode(Net):
    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode = mode

    def forward(self, x: torch.Tensor) -> Any:
        modes = {
            "no_grad": torch.no_grad,
            "enable_grad": torch.enable_grad,
            "autocast": lambda: torch.autocast("cpu", enabled=False),
        }
        with modes[self.mode]():
            return super().forward(x)


@pytest.mark.parametrize("mode", ["no_grad", "enable_grad", "autocast"])
def test_what_is_done_under_a_mode_is_seen_as_everything_else(mode: str, tmp_path: Path) -> None:
    artifact = edgeseg.export(torch_model(UnderAMode(mode)), path=tmp_path / "toy.onnx")
    assert (artifact.facts.output.head, artifact.facts.output.size) == ("scores", Size(16, 24))


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_a_network_that_changed_is_exported_as_it_is_now(framework: str, tmp_path: Path) -> None:
    model, written = make(framework), []
    for index in range(2):
        if framework == "torch":
            state = {name: torch.full_like(value, index + 0.5) for name, value in model.network.state_dict().items()}
            model.network.load_state_dict(state, assign=True)
        else:
            model.network.layers[1].kernel.assign(np.full((3, 3, 3, 8), index + 0.5))
        written.append(edgeseg.export(model, "onnx", path=tmp_path / f"{index}.onnx").path.read_bytes())
    assert written[0] != written[1]


def test_a_network_elsewhere_than_in_memory_is_refused() -> None:
    with pytest.raises(InputError, match=r"toy: its parameters are on meta; call \.cpu\(\) on it first"):
        torch_program.trace(torch_model(Net().to("meta")), ExportSpec(SIZE))


@pytest.mark.parametrize("target", ["onnx", "tflite"])
@pytest.mark.parametrize(("side", "size"), [(16, 24), (32, 40), (24, 28), (48, 36)])
def test_keras_resizes_to_the_nearest_pixel_that_keras_takes(
    side: int, size: int, target: Format, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(0)
    image = keras.Input((SIZE.height, SIZE.width, 3))
    x = keras.layers.Resizing(side, side)(keras.layers.Conv2D(5, 1)(image))
    x = keras.layers.Resizing(size, size, interpolation="nearest")(x)
    x = keras.layers.Resizing(SIZE.height, SIZE.width)(keras.layers.Conv2D(5, 1)(x))
    model = Model("toy", "keras", keras.Model(image, x), NAMES, size=SIZE)
    assert edgeseg.export(model, target, path=tmp_path / f"toy.{target}").facts.parity is not None


def test_a_network_in_a_keras_network_does_not_hide_where_a_file_differs() -> None:
    inner = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 1)])
    inner(keras.Input((8, 8, 3)))
    image = keras.Input((SIZE.height, SIZE.width, 3))
    network = keras.Model(image, keras.layers.Conv2D(5, 1, name="last")(inner(image)))
    program = keras_program.trace(Model("toy", "keras", network, NAMES, size=SIZE), ExportSpec(SIZE))
    assert [name for name, _ in program.layers(batches()[0])] == ["last"]


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
