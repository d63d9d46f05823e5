"""Multi-scale evaluation and evaluation at the label's size, on real files against dense computations by torch."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.nn import functional

from edgeseg import data, runtimes
from edgeseg.core.errors import InputError
from edgeseg.core.evaluation import Evaluation
from edgeseg.core.types import Artifact, OutputFacts, Size
from edgeseg.data.images import resize_image
from edgeseg.data.preprocess import Preprocessor
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.averaging import Averager, check_averageable
from edgeseg.pipeline.measure.evaluating import accuracy, labelled
from edgeseg.pipeline.silence import silent
from edgeseg.pipeline.sources import Source, as_artifact

OWN, CLASSES = Size(24, 40), 5
OWN_SHAPE = (OWN.height, OWN.width)


@pytest.fixture
def pointwise(tmp_path: Path) -> Artifact:
    """Scores of each pixel from that pixel alone, so that neither tiles nor what fills them up can be seen."""
    kernel = np.random.default_rng(0).normal(size=(CLASSES, 3, 1, 1)).astype(np.float32)
    return write(tmp_path / "pointwise.onnx", kernel, "scores")


def write(path: Path, kernel: np.ndarray, output: str) -> Artifact:
    """A 1x1 convolution, and its arg-max where the output is a class map."""
    nodes = [helper.make_node("Conv", ["image", "kernel"], ["scores"])]
    nodes += [helper.make_node("ArgMax", ["scores"], ["classmap"], axis=1, keepdims=0)] * (output == "classmap")
    kind = TensorProto.INT64 if output == "classmap" else TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, OWN.height, OWN.width))],
        [helper.make_tensor_value_info(output, kind, None)],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return as_artifact(Source(str(path), classes=len(kernel)))


def clear(probabilities: torch.Tensor) -> np.ndarray:
    """Where the best class leads by more than rounding."""
    best, second = probabilities[0].topk(2, dim=0).values
    return ((best - second) > 1e-4).numpy()


@pytest.mark.parametrize("size", [OWN, Size(31, 57)])
@pytest.mark.parametrize(("scales", "flip"), [((0.5, 1.0, 1.3, 2.6), True), ((0.75,), False), ((1.0,), True)])
def test_mean_of_softmax_over_scales_and_flips(pointwise: Artifact, scales, flip: bool, size: Size) -> None:
    image = np.random.default_rng(1).integers(0, 256, (48, 80, 3)).astype(np.uint8)
    kernel = torch.tensor(numpy_helper.to_array(onnx.load(pointwise.path).graph.initializer[0]))
    mean, std = (torch.tensor(three)[:, None, None] for three in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    looks = []
    for scale in scales:
        scaled = resize_image(image, Size(round(OWN.height * scale), round(OWN.width * scale)))
        pixels = (torch.from_numpy(scaled.copy()).permute(2, 0, 1) / 255 - mean) / std
        for mirrored in (False, True)[: 1 + flip]:
            seen = pixels.flip(2) if mirrored else pixels
            scores = torch.conv2d(seen[None], kernel)
            scores = scores.flip(3) if mirrored else scores
            looks.append(functional.interpolate(scores, (size.height, size.width), mode="bilinear").softmax(1))
    expected = torch.stack(looks).mean(0)
    with runtimes.open_session(pointwise, threads=1) as session:
        found = Averager(session, Evaluation(scales, flip))(image, size)
    sure = clear(expected)
    assert sure.mean() > 0.99
    assert (found == expected[0].argmax(0).numpy())[sure].all()


@pytest.mark.parametrize("name", ["fastscnn_64x128_fp32.onnx", "fastscnn_64x128_int8.tflite"])
def test_low_resolution_and_integer_scores_of_a_filled_up_image(workspace: Path, name: str) -> None:
    artifact = as_artifact(Source(str(workspace / name)))
    image = data.open_dataset("scenes", size=Size(64, 128), limit=1)[0][0]
    scaled, output = resize_image(image, Size(48, 96)), artifact.facts.output
    looks = []
    with runtimes.open_session(artifact, threads=1) as session:
        for mirrored in (False, True):
            whole = np.empty((64, 128, 3), np.uint8)
            whole[:] = (124, 116, 104)
            whole[:48, :96] = scaled[:, ::-1] if mirrored else scaled
            scores = torch.from_numpy(session(Preprocessor(artifact.facts.input)(whole)).copy())
            scores = scores.permute(0, 3, 1, 2) if output.layout == "NHWC" else scores
            corners = {"mode": "bilinear", "align_corners": output.align_corners}
            tile = functional.interpolate(scores, (64, 128), **corners)[..., :48, :96]
            tile = tile.flip(3) if mirrored else tile
            looks.append(functional.interpolate(tile, (64, 128), mode="bilinear").softmax(1))
        expected = torch.stack(looks).mean(0)
        found = Averager(session, Evaluation((0.75,), flip=True))(image, Size(64, 128))
    sure = clear(expected)
    assert sure.mean() > 0.99
    assert (found == expected[0].argmax(0).numpy())[sure].all()


def test_a_class_map_has_nothing_to_average(tmp_path: Path, cli) -> None:
    artifact = write(tmp_path / "map.onnx", np.ones((19, 3, 1, 1), np.float32), "classmap")
    refused = cli("bench", artifact.path, "--classes", "19", "--flip", "--images", "1")
    assert refused.returncode == 2
    assert "without probabilities to average; export it with --head scores" in refused.stderr
    with runtimes.open_session(artifact) as session, pytest.raises(InputError, match="export it with --head scores"):
        Averager(session, Evaluation(flip=True))
    several = replace(artifact.facts, input=replace(artifact.facts.input, batch=4), output=OutputFacts("logits", OWN))
    with pytest.raises(InputError, match="takes 4 images at a time"):
        check_averageable(several)
    with runtimes.open_session(artifact) as session:
        batch = np.zeros((1, 3, OWN.height, OWN.width), np.float32)
        assert session.classmap(batch, Size(7, 9)).shape == (1, 7, 9)


@pytest.mark.parametrize("name", ["fastscnn_64x128_fp32.onnx", "fastscnn_64x128_int8.onnx"])
def test_at_the_labels_own_size(workspace: Path, name: str) -> None:
    artifact = as_artifact(Source(str(workspace / name)))
    dataset = data.open_dataset("scenes", size=Size(150, 260), limit=2)
    output, hits, unions = artifact.facts.output, np.zeros(19), np.zeros(19)
    with runtimes.open_session(artifact, threads=1) as session:
        prepare = Preprocessor(artifact.facts.input)
        found = accuracy(session, dataset, prepare, silent, Evaluation(at="label"))
        for image, label in dataset:
            scores = torch.from_numpy(session(prepare(image)).astype(np.float64))
            scores = scores.permute(0, 3, 1, 2) if output.layout == "NHWC" else scores
            dense = functional.interpolate(scores, label.shape, mode="bilinear", align_corners=output.align_corners)
            guess = dense[0].argmax(0).numpy()
            for c in range(19):
                hits[c] += ((guess == c) & (label == c)).sum()
                unions[c] += (((guess == c) | (label == c)) & (label != 255)).sum()
    ious = 100 * hits[unions > 0] / unions[unions > 0]
    assert found["miou_percent"] == pytest.approx(ious.mean(), abs=0.05)
    assert sum(found["image_counts"][0][1]) > 0.9 * 150 * 260


@pytest.mark.parametrize("scales", [(1.0,), (1.5,)])
def test_it_is_the_image_itself_that_is_scaled(pointwise: Artifact, scales: tuple[float, ...]) -> None:
    """Not what is left of it at the input's size."""
    job = Job(Source(str(pointwise.path)), data="scenes", images=1, evaluation=Evaluation(scales))
    dataset = labelled(job, replace(pointwise.facts, classes=data.open_dataset("scenes").classes))
    assert dataset is not None
    whole = data.open_dataset("scenes", limit=1)[0][0].shape[:2]
    assert whole > OWN_SHAPE
    assert dataset[0][0].shape[:2] == (OWN_SHAPE if scales == (1.0,) else whole)


def test_the_command_line_records_how_it_evaluated(cli, tmp_path: Path, workspace: Path) -> None:
    assert cli("data", "scenes", "--write", "city", "--images", "2", "--size", "96x192").returncode == 0
    asked = ("--scales", "0.5,1", "--flip", "--at", "label", "--data", "cityscapes:city")
    done = cli("bench", workspace / "fastscnn_64x128_int8.onnx", *asked, "--effort", "quick", "--no-picture")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "edgeseg-out"
    (record,) = json.loads((out / "records.json").read_text())["records"]
    assert record["evaluation"] == {"scales": [0.5, 1.0], "flip": True, "at": "label"}
    assert 0.9 * 96 * 192 < sum(record["image_counts"][0][1]) <= 96 * 192
    for text in (done.stdout, (out / "table.md").read_text()):
        assert "scales 0.5, 1; flip; at label size" in " ".join(text.split())
    refused = cli("bench", workspace / "fastscnn_64x128_int8.onnx", "--scales", "half")
    assert refused.returncode == 2
    assert "like 0.75,1,1.25" in refused.stderr
