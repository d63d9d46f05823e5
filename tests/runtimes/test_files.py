"""ONNX Runtime and LiteRT on real files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from edgeseg import runtimes
from edgeseg.core.errors import InputError, MeasureError
from edgeseg.core.types import Artifact, Normalization, Size
from edgeseg.graphs import read_graph
from edgeseg.runtimes.classmap import upsample_argmax

CLASSES = tuple(f"class_{i}" for i in range(5))


@pytest.fixture
def scores(image, kernel) -> np.ndarray:
    """What the network gives for `image`, by PyTorch: (1, C, h, w)."""
    return torch.nn.functional.conv2d(torch.from_numpy(image), torch.from_numpy(kernel), stride=2, padding=1).numpy()


def upsampled(scores: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    interpolate = torch.nn.functional.interpolate
    return interpolate(torch.from_numpy(scores).double(), size, mode="bilinear").argmax(1).numpy()


def described(path: Path, **given) -> Artifact:
    return Artifact(path, runtimes.describe(path, **given))


@pytest.mark.parametrize("head", ["scores", "logits", "classmap"])
def test_the_same_class_map_whatever_the_head(write_onnx, image, scores, head) -> None:
    artifact = described(write_onnx(head), classes=CLASSES)
    assert artifact.facts.output.head == head
    with runtimes.open_session(artifact) as session:
        classmap = session.classmap(image)
    assert classmap.dtype == np.uint8
    expected = upsampled(scores, image.shape[2:])
    # Dense float32 resizing inside the file may decide a near tie the other way.
    assert (classmap != expected).mean() <= (0 if head == "scores" else 0.01)


def test_what_is_timed_of_onnx_is_a_run(write_onnx, image, scores) -> None:
    with runtimes.open_session(described(write_onnx())) as session:
        np.testing.assert_allclose(session.holding(image)(), scores, atol=1e-5)
        with pytest.raises(InputError, match="but it takes"):
            session.holding(image[:, :1])


def test_what_is_timed_of_tflite_is_a_run_without_copies(write_tflite, image, monkeypatch) -> None:
    from ai_edge_litert.interpreter import Interpreter

    called: list[str] = []

    def noted(name: str):
        original = getattr(Interpreter, name)
        return lambda *given: (called.append(name), original(*given))[1]

    artifact = described(write_tflite())
    with runtimes.open_session(artifact) as session:
        for name in ("set_tensor", "invoke", "get_tensor"):
            monkeypatch.setattr(Interpreter, name, noted(name))
        call = session.holding(image.transpose(0, 2, 3, 1).copy())
        call()
        call()
    assert called == ["set_tensor", "invoke", "invoke"]


def test_a_class_map_of_tflite_copies_no_scores_and_stays_what_it_is(write_tflite, image, monkeypatch) -> None:
    from ai_edge_litert.interpreter import Interpreter

    batch = image.transpose(0, 2, 3, 1).copy()
    with runtimes.open_session(described(write_tflite())) as session:
        expected = session.run(batch)
        monkeypatch.delattr(Interpreter, "get_tensor")
        first = session.classmap(batch)
        kept = first.copy()
        assert (session.classmap(-batch) != first).any()
        assert (first == kept).all()
    assert (first == upsampled(expected.transpose(0, 3, 1, 2), image.shape[2:])).all()


def test_scores_of_tflite_that_are_held_on_to_do_not_stop_the_next_run(write_tflite, image, monkeypatch) -> None:
    """As numba holds on to them until the next garbage collection where it compiles a kernel for them."""
    from edgeseg.runtimes import session as sessions

    held: list[np.ndarray] = []

    def holding(scores: np.ndarray, *options: object) -> np.ndarray:
        held.append(scores)
        return upsample_argmax(scores, *options)

    monkeypatch.setattr(sessions, "upsample_argmax", holding)
    batch = image.transpose(0, 2, 3, 1).copy()
    with runtimes.open_session(described(write_tflite())) as session:
        first = session.classmap(batch)
        assert (session.classmap(batch) == first).all()
    assert len(held) == 2


def test_onnx_tensors_in_execution_order(write_onnx, image, scores) -> None:
    with runtimes.open_session(described(write_onnx("logits")), tensors=True) as session:
        found = dict(session.tensors(image))
        assert list(found) == ["image", "scores", "logits"]
        np.testing.assert_allclose(found["scores"], scores, atol=1e-5)
        assert (found["logits"] == session(image)).all()
    with (
        runtimes.open_session(described(write_onnx())) as session,
        pytest.raises(InputError, match="tensors=True"),
    ):
        session.tensors(image)


def test_watched_tensors_are_those_of_an_ordinary_run(write_onnx, write_tflite, image) -> None:
    last = np.ascontiguousarray(image.transpose(0, 2, 3, 1))
    for path, batch in ((write_onnx("logits"), image), (write_tflite(), last)):
        artifact = described(path)
        graph = read_graph(path)
        inner, output = graph.nodes[0].outputs[0].name, graph.outputs[0].name
        with runtimes.open_session(artifact) as session:
            expected = session(batch)
        with runtimes.open_session(artifact, watch=(output,)) as session:
            found = dict(session.tensors(batch))
            assert list(found) == [output]
            assert (found[output] == expected).all()
            assert (session(batch) == expected).all()
        with runtimes.open_session(artifact, watch=(output, inner)) as session:
            assert list(dict(session.tensors(batch))) == list(dict.fromkeys((inner, output)))
        given = graph.inputs[0].name
        with runtimes.open_session(artifact, watch=(given, output)) as session:
            found = dict(session.tensors(batch))
            assert list(found) == [given, output]
            assert (found[given] == batch).all()
        with pytest.raises(InputError, match=f"{path.name}: computes no tensor 'nowhere'"):
            runtimes.open_session(artifact, watch=("nowhere",))


def test_tflite_and_its_tensors(write_tflite, image, scores) -> None:
    artifact = described(write_tflite())
    batch = np.ascontiguousarray(image.transpose(0, 2, 3, 1))
    with runtimes.open_session(artifact) as session:
        np.testing.assert_allclose(session(batch), scores.transpose(0, 2, 3, 1), atol=1e-5)
        assert (session.classmap(batch) == upsampled(scores, image.shape[2:])).all()
    with runtimes.open_session(artifact, tensors=True) as session:
        names, values = zip(*session.tensors(batch), strict=True)
        assert "image" in names[0]
        assert (values[0] == batch).all()
        np.testing.assert_allclose(values[-1], scores.transpose(0, 2, 3, 1), atol=1e-5)


def test_integer_onnx_scores_carry_their_scale(write_onnx, image, scores) -> None:
    path = write_onnx()
    model = onnx.load(path)
    scale = helper.make_tensor("scale", TensorProto.FLOAT, [], [0.2])
    zero_point = helper.make_tensor("zero_point", TensorProto.INT8, [], [-3])
    model.graph.initializer.extend([scale, zero_point])
    model.graph.node.append(helper.make_node("QuantizeLinear", ["scores", "scale", "zero_point"], ["integers"]))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("integers", TensorProto.INT8, None))
    helper.set_model_props(model, {"edgeseg.output_scale": "0.2", "edgeseg.output_zero_point": "-3"})
    onnx.save(model, path)
    artifact = described(path)
    assert (artifact.facts.precision, artifact.facts.output.dtype) == ("int8", "int8")
    with runtimes.open_session(artifact) as session:
        assert session.run(image).dtype == np.int8
        np.testing.assert_allclose(session(image), scores, atol=0.1001)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_integer_tflite_is_fed_floats_by_its_scale(write_tflite, image, scores, dtype) -> None:
    artifact = described(write_tflite(dtype), normalization=Normalization())
    assert (artifact.facts.precision, artifact.facts.input.dtype) == ("int8", "float32")
    with runtimes.open_session(artifact) as session:
        found = session(np.ascontiguousarray(image.transpose(0, 2, 3, 1)))
        assert found.dtype == np.float32
        assert session.run(np.zeros(artifact.facts.input.shape, np.float32)).dtype == dtype
    spread = scores.max() - scores.min()
    assert np.abs(found - scores.transpose(0, 2, 3, 1)).max() < 0.05 * spread


def test_integer_tflite_takes_raw_pixels_where_no_normalization_is_known(write_tflite) -> None:
    artifact = described(write_tflite("uint8"))
    assert artifact.facts.input.dtype == "uint8"
    with runtimes.open_session(artifact) as session:
        assert session.classmap(np.zeros(artifact.facts.input.shape, np.uint8)).shape == (1, 16, 32)


@pytest.mark.parametrize(
    "batch", [np.zeros((1, 3, 16, 30), np.float32), np.zeros((1, 3, 16, 32)), np.zeros((2, 3, 16, 32), np.float32)]
)
def test_a_batch_of_another_shape_or_dtype_is_refused(write_onnx, batch) -> None:
    with (
        runtimes.open_session(described(write_onnx())) as session,
        pytest.raises(InputError, match=r"takes \(1, 3, 16, 32\) float32 \(NCHW\)"),
    ):
        session(batch)


def test_facts_that_the_file_contradicts(write_onnx, image) -> None:
    artifact = described(write_onnx())
    wrong = replace(artifact.facts, output=replace(artifact.facts.output, size=Size(4, 4)))
    with (
        runtimes.open_session(Artifact(artifact.path, wrong)) as session,
        pytest.raises(MeasureError, match=r"scores of shape \(1, 5, 8, 16\) where \(1, 5, 4, 4\) was declared"),
    ):
        session.classmap(image)


def test_a_closed_session_says_so(write_onnx, image) -> None:
    session = runtimes.open_session(described(write_onnx()))
    session.close()
    with pytest.raises(InputError, match="closed"):
        session(image)


@pytest.mark.parametrize("suffix", ["onnx", "tflite"])
@pytest.mark.parametrize("damage", ["truncated", "foreign", "empty"])
def test_a_damaged_file_is_one_line_that_names_it(write_onnx, write_tflite, tmp_path, suffix, damage) -> None:
    whole = write_onnx() if suffix == "onnx" else write_tflite()
    facts, content = runtimes.describe(whole), whole.read_bytes()
    path = tmp_path / f"broken.{suffix}"
    path.write_bytes({"truncated": content[: len(content) // 2], "foreign": b"PK\x03\x04" * 99, "empty": b""}[damage])
    for fail in (lambda: runtimes.describe(path), lambda: runtimes.open_session(Artifact(path, facts))):
        with pytest.raises(InputError) as caught:
            fail()
        assert "broken" in str(caught.value)
        assert "\n" not in str(caught.value)
