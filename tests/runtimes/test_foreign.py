"""Files that somebody else made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import edgeseg
from edgeseg import runtimes
from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Artifact, Normalization, OutputFacts, Precision, Size
from edgeseg.runtimes import foreign
from edgeseg.runtimes.engine import Port, Signature
from tests.small import small_onnx

REAL = Path(__file__).parents[2].parent / "shared" / "real" / "tflite"
DEEPLAB = REAL / "deeplab_mobilenet_edgetpu_slim_cityscapes_quant.tflite"


def test_onnx_scores(write_onnx) -> None:
    facts = runtimes.describe(write_onnx())
    assert (facts.model, facts.format, facts.precision, facts.framework) == ("scores", "onnx", "fp32", None)
    assert facts.input.shape == (1, 3, 16, 32)
    assert facts.output == OutputFacts("scores", Size(8, 16), "NCHW", "float32", False)
    assert facts.classes == ("class_0", "class_1", "class_2", "class_3", "class_4")


def test_a_classifier_gives_no_scores(write_onnx) -> None:
    path = write_onnx()
    model = onnx.load(path)
    model.graph.node.append(onnx.helper.make_node("GlobalAveragePool", ["scores"], ["mean"]))
    model.graph.output[0].name = "mean"
    onnx.save(model, path)
    with pytest.raises(InputError, match=r"output of shape 1x5x1x1 .* is neither scores of classes nor a class map"):
        runtimes.describe(path)


def test_a_weight_may_be_the_first_input(write_onnx) -> None:
    path = write_onnx()
    model = onnx.load(path)
    image = model.graph.input.pop()
    weight = onnx.helper.make_tensor_value_info("kernel", onnx.TensorProto.FLOAT, (5, 3, 3, 3))
    model.graph.input.extend([weight, image])
    onnx.save(model, path)
    artifact = Artifact(path, runtimes.describe(path))
    with runtimes.open_session(artifact, tensors=True) as session:
        assert [name for name, _ in session.tensors(np.zeros((1, 3, 16, 32), np.float32))] == ["image", "scores"]


def test_onnx_logits_and_classmap(write_onnx) -> None:
    assert runtimes.describe(write_onnx("logits")).output == OutputFacts("logits", Size(16, 32))
    facts = runtimes.describe(write_onnx("classmap"), classes=("road", "sky"))
    assert facts.output == OutputFacts("classmap", Size(16, 32), "NCHW", "int64")
    assert facts.classes == ("road", "sky")


def test_tflite_is_channels_last(write_tflite) -> None:
    facts = runtimes.describe(write_tflite())
    assert facts.input.shape == (1, 16, 32, 3)
    assert facts.output == OutputFacts("scores", Size(8, 16), "NHWC", "float32", False)


def test_what_was_chosen_is_noted(write_onnx) -> None:
    assert runtimes.describe(write_onnx()).notes == ()
    (note,) = runtimes.describe(write_onnx(shape=("n", 3, 16, 32))).notes
    assert note == "the number of images a batch is open in the file; 1 is taken"
    ports = tuple(Port(name, (1, 5, 16, 32), "float32") for name in ("main", "aux"))
    signature = Signature((Port("x", (1, 3, 16, 32), "float32"),), ports, "fp32")
    facts = foreign.draft(Path("net.onnx"), "onnx", signature, foreign.Given())
    assert facts.notes == ("the first of 2 outputs is used: main",)


def test_double_precision_is_told_from_damage(write_onnx) -> None:
    path = write_onnx()
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    onnx.save(model, path)
    with pytest.raises(InputError, match=r"cannot load it: .*; export it again in float32$"):
        runtimes.describe(path)


def test_what_the_user_gives_is_taken(write_onnx) -> None:
    half = Normalization((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    facts = runtimes.describe(write_onnx(), normalization=half, align_corners=True, classes=list("abcde"))
    assert facts.input.normalization == half
    assert facts.output.align_corners
    assert facts.classes == tuple("abcde")


def test_open_sizes_are_filled(write_onnx, write_tflite) -> None:
    for path in (write_onnx(shape=("n", 3, "h", "w")), write_tflite(fixed=False)):
        facts = runtimes.describe(path, size=Size(24, 40))
        assert (facts.input.size, facts.output.size) == (Size(24, 40), Size(12, 20))
        with runtimes.open_session(Artifact(path, facts)) as session:
            batch = np.zeros(facts.input.shape, np.float32)
            assert session.classmap(batch).shape == (1, 24, 40)
        with pytest.raises(InputError, match="leaves its input size open; give --size"):
            runtimes.describe(path)


@pytest.mark.parametrize(
    ("made", "given", "message"),
    [
        ({"inputs": 2}, {}, r"2 inputs \(image, more\)"),
        ({"shape": (1, None, 16, None)}, {}, "does not say where its channels are; give --layout"),
        ({"head": "classmap"}, {}, "give --classes"),
        ({"head": "mean"}, {}, "output of shape .* is neither scores of classes nor a class map"),
        ({}, {"classes": ("road", "sky")}, "neither scores of 2 classes"),
        ({"classes": 1}, {}, r"one output channel.* export concat\(-x, x\)"),
        ({"classes": 1}, {"classes": ("road", "sky")}, r"one output channel.* export concat\(-x, x\)"),
        ({}, {"size": Size(8, 8)}, "made for 16x32, not 8x8"),
        ({"shape": (1, 3, None, None)}, {"size": Size(16, 31)}, None),
    ],
)
def test_what_cannot_be_used_is_explained(write_onnx, made, given, message) -> None:
    path = write_onnx(**made)
    if message is None:
        assert runtimes.describe(path, **given).output.size == Size(8, 16)
        return
    with pytest.raises(InputError, match=message) as caught:
        runtimes.describe(path, **given)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("shape", [(1, 3, 16), (1, 16, 32, 4), (None, 1, 16, 32)])
def test_an_input_that_is_no_image(shape) -> None:
    signature = Signature((Port("x", shape, "float32"),), (), "fp32")
    with pytest.raises(InputError, match=r"net\.onnx: input x of shape .* takes no RGB images"):
        foreign.draft(Path("net.onnx"), "onnx", signature, foreign.Given())


def test_an_input_of_a_dtype_that_images_have_not() -> None:
    signature = Signature((Port("x", (1, 3, 16, 32), "int64"),), (), "fp32")
    with pytest.raises(InputError, match="input of dtype int64"):
        foreign.draft(Path("net.onnx"), "onnx", signature, foreign.Given())


def test_other_suffixes_and_missing_files(tmp_path) -> None:
    with pytest.raises(InputError, match=r"expected \.onnx or \.tflite"):
        runtimes.describe(tmp_path / "net.pb")
    with pytest.raises(InputError, match="No such file"):
        runtimes.describe(tmp_path / "net.onnx")


@pytest.mark.skipif(not DEEPLAB.exists(), reason="the published DeepLab file is not here")
def test_a_published_quantized_deeplab() -> None:
    facts = runtimes.describe(DEEPLAB, classes=[f"c{i}" for i in range(19)])
    assert facts.precision == "int8"
    assert (facts.input.shape, facts.input.dtype) == ((1, 513, 513, 3), "uint8")
    assert facts.output == OutputFacts("classmap", Size(513, 513), "NHWC", "int64")
    with runtimes.open_session(Artifact(DEEPLAB, facts)) as session:
        noise = np.random.default_rng(0).integers(0, 256, facts.input.shape).astype(np.uint8)
        classmap = session.classmap(noise)
        assert (classmap.shape, classmap.dtype) == ((1, 513, 513), np.uint8)
        assert classmap.max() < 19
        assert (session(noise) == classmap).all()


def test_half_weights_that_are_read_in_float_do_not_make_a_file_half(tmp_path: Path) -> None:
    path = small_onnx(tmp_path / "net.onnx")
    model = onnx.load(path)
    model.graph.initializer.append(numpy_helper.from_array(np.ones((4, 4), np.float16), "table"))
    onnx.save(model, path)
    assert runtimes.precision_of(path) == "fp32"


def test_a_file_of_int8_weights_alone_is_no_float_one(tmp_path: Path) -> None:
    path = small_onnx(tmp_path / "net.onnx")
    model = onnx.load(path)
    kernel = next(tensor for tensor in model.graph.initializer if len(tensor.dims) == 4)
    integers = np.ones(tuple(kernel.dims), np.int8)
    stored = [numpy_helper.from_array(integers, "integers"), numpy_helper.from_array(np.float32(0.1), "scale")]
    model.graph.node.insert(0, onnx.helper.make_node("DequantizeLinear", ["integers", "scale"], [kernel.name]))
    model.graph.initializer.remove(kernel)
    model.graph.initializer.extend(stored)
    onnx.save(model, path)
    assert runtimes.describe(path).precision == "int8-dynamic"


@pytest.mark.parametrize(
    ("format", "precision"),
    [(format, each) for format in ("onnx", "tflite") for each in ("int8-dynamic", "fp16", "int16x8")],
)
def test_a_file_without_facts_tells_its_precision(
    workspace: Path, tmp_path: Path, format: str, precision: Precision
) -> None:
    recipe, path = Recipe(precision=precision), tmp_path / f"net.{format}"
    edgeseg.quantize(workspace / f"fastscnn_64x128_fp32.{format}", recipe=recipe, path=path, count=1)
    assert runtimes.describe(path).precision == precision


@pytest.mark.parametrize("format", ["onnx", "tflite"])
@pytest.mark.parametrize("content", [b"", b"no model", b"\x3a\x05\x2a\x03\x12\x00\x10"])
def test_what_is_no_model_has_no_precision(format: str, content: bytes, tmp_path: Path) -> None:
    """The last is an ONNX file whose initializer breaks off within a field."""
    path = tmp_path / f"net.{format}"
    with pytest.raises(InputError, match=rf"net\.{format}: No such file or directory; give the path"):
        runtimes.precision_of(path)
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"net\.{format}: not an? (ONNX|TFLite) file, or a truncated one; export it"):
        runtimes.precision_of(path)
