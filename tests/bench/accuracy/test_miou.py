from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.bench.accuracy import miou
from edgeseg.bench.accuracy.histogram_numba import joint_histogram as compiled_histogram
from edgeseg.bench.accuracy.miou import ConfusionMatrix, evaluate
from edgeseg.core.errors import InputError, MeasureError
from edgeseg.core.types import Size
from edgeseg.data.labels import CITYSCAPES_LABEL_IDS, label_id_table

Bytes = NDArray[np.uint8]


@pytest.fixture(params=["numpy", "numba"])
def histogram(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = miou.joint_histogram if request.param == "numpy" else compiled_histogram
    monkeypatch.setattr(miou, "_fastest_histogram", lambda: chosen)


def bytes_(*rows: list[int]) -> Bytes:
    return np.array(rows, np.uint8)


def brute_force(pairs: list[tuple[Bytes, Bytes]], classes: int) -> tuple[list[float | None], float]:
    """Class by class over the whole set, by comparing arrays."""
    ious: list[float | None] = []
    for c in range(classes):
        hits = sum(int(((p == c) & (t == c)).sum()) for t, p in pairs)
        union = sum(int((((p == c) | (t == c)) & (t != 255)).sum()) for t, p in pairs)
        ious.append(100 * hits / union if union else None)
    present = [iou for iou in ious if iou is not None]
    return ious, math.fsum(present) / len(present)


@pytest.mark.usefixtures("histogram")
@pytest.mark.parametrize("run", [1, 13], ids="runs of {}".format)
@pytest.mark.parametrize("seed", range(5))
def test_equal_to_brute_force_to_the_last_digit(seed: int, run: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = []
    for height, width in [(33, 57), (256, 300), (1, 1), (7, 3)]:
        label = rng.choice([*range(0, 19, 2), 255], (height, width)).astype(np.uint8)
        guess = rng.integers(0, 17, (height, width)).astype(np.uint8)
        guess = np.where((rng.random(label.shape) < 0.6) & (label < 19), label, guess)
        pairs.append((label.repeat(run, axis=1), guess.repeat(run, axis=1)))
    matrix = ConfusionMatrix(19)
    for label, prediction in pairs:
        matrix.update(label, prediction)
    ious, mean = brute_force(pairs, 19)
    assert matrix.class_iou_percent() == tuple(ious)
    assert matrix.miou_percent() == mean
    assert int(matrix.counts.sum()) == sum(int((label != 255).sum()) for label, _ in pairs)


@pytest.mark.usefixtures("histogram")
def test_known_small_case() -> None:
    matrix = ConfusionMatrix(4)
    matrix.update(bytes_([0, 0, 1, 255]), bytes_([0, 1, 1, 2]))
    assert matrix.counts.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    # class 2 was predicted on an ignored pixel only, class 3 nowhere: neither takes part in the mean
    assert matrix.class_iou_percent() == (50.0, 50.0, None, None)
    assert matrix.miou_percent() == 50.0


@pytest.mark.usefixtures("histogram")
def test_predicted_but_absent_class_counts_as_zero() -> None:
    matrix = ConfusionMatrix(3)
    matrix.update(bytes_([0, 0]), bytes_([0, 2]))
    assert matrix.class_iou_percent() == (50.0, None, 0.0)
    assert matrix.miou_percent() == 25.0


def test_one_matrix_is_not_the_mean_of_images() -> None:
    matrix = ConfusionMatrix(2)
    matrix.update(bytes_([0, 0, 0, 1]), bytes_([0, 0, 0, 0]))
    matrix.update(bytes_([1]), bytes_([1]))
    assert matrix.class_iou_percent() == (75.0, 50.0)


def test_nothing_counted_has_no_score() -> None:
    matrix = ConfusionMatrix(2)
    matrix.update(bytes_([255]), bytes_([1]))
    assert matrix.miou_percent() is None


@pytest.mark.usefixtures("histogram")
@pytest.mark.parametrize(
    ("label", "prediction", "message"),
    [
        (bytes_([0, 2]), bytes_([0, 0]), r"label value 2 \(1 pixels\).*0 to 1, or 255"),
        (bytes_([0, 254]), bytes_([0, 0]), "label value 254"),
        (bytes_([0, 255]), bytes_([0, 3]), "prediction value 3"),
        (bytes_([0, 0]), bytes_([0, 255]), "prediction value 255"),
        (bytes_([0, 0]), bytes_([0]), "one shape"),
        (bytes_([0]).astype(np.int32), bytes_([0]), "uint8"),
    ],
)
def test_what_is_no_class_is_refused_and_not_counted(label: Bytes, prediction: Bytes, message: str) -> None:
    matrix = ConfusionMatrix(2)
    with pytest.raises(InputError, match=message):
        matrix.update(label, prediction)
    assert not matrix.counts.any()


@pytest.mark.parametrize("classes", [0, 256])
def test_impossible_class_counts_are_refused(classes: int) -> None:
    with pytest.raises(InputError, match="1 to 255"):
        ConfusionMatrix(classes)


class Pairs:
    name = "pairs"
    classes = ("a", "b")
    palette = ((0, 0, 0), (1, 1, 1))

    def __init__(self, *labels: Bytes) -> None:
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Bytes, Bytes]:
        label = self.labels[index]
        return np.repeat(label[..., None], 3, axis=2), label

    def __iter__(self) -> Iterator[tuple[Bytes, Bytes]]:
        return (self[i] for i in range(len(self)))


def test_evaluate_counts_every_image_and_says_how_far_it_is() -> None:
    told: list[tuple[str, int, int]] = []
    data = Pairs(bytes_([0, 1]), bytes_([1, 1]))
    matrix = evaluate(lambda image: image[..., 0], data, 2, progress=lambda *step: told.append(step))
    assert matrix.counts.tolist() == [[1, 0], [0, 3]]
    assert told == [("accuracy", 1, 2), ("accuracy", 2, 2)]


def test_evaluate_brings_labels_to_the_size_of_the_class_map() -> None:
    data = Pairs(bytes_([0, 0, 1, 1], [0, 0, 1, 1]))
    asked: list[Size] = []

    def halve(label: Bytes, size: Size) -> Bytes:
        asked.append(size)
        return label[::2, ::2]

    matrix = evaluate(lambda image: image[::2, ::2, 0], data, 2, resize_label=halve)
    assert asked == [Size(1, 2)]
    assert matrix.counts.tolist() == [[1, 0], [0, 1]]
    with pytest.raises(MeasureError, match=r"pairs image 0.*differ in size"):
        evaluate(lambda image: image[::2, ::2, 0], data, 2)


def test_evaluate_names_the_image_and_refuses_an_empty_set() -> None:
    with pytest.raises(InputError, match="pairs image 1: label value 7"):
        evaluate(lambda image: image[..., 0] * 0, Pairs(bytes_([0]), bytes_([7])), 2)
    with pytest.raises(MeasureError, match="no image"):
        evaluate(lambda image: image[..., 0], Pairs(), 2)


def test_equal_to_the_definition_of_cityscapesscripts() -> None:
    """Its matrix is over label ids, void ones too, and an IoU leaves out what void pixels were predicted as."""
    rng = np.random.default_rng(3)
    ids = rng.choice([*range(12), 21, 22, 23, 24, 26, 31], (64, 96))  # the ids of train, bus, rider... do not occur
    void = {i for i in range(34) if label_id_table()[i] == 255}
    guess_trains = rng.choice([0, 1, 2, 5, 13, 17], ids.shape).astype(np.uint8)
    guess_ids = np.array(CITYSCAPES_LABEL_IDS)[guess_trains]
    counted = np.zeros((34, 34), np.int64)
    np.add.at(counted, (ids, guess_ids), 1)
    scores = []
    for label in CITYSCAPES_LABEL_IDS:
        right = counted[label, label]
        missed = counted[label].sum() - right
        wrong = sum(counted[other, label] for other in range(34) if other not in void and other != label)
        scores.append(100 * right / (right + missed + wrong) if right + missed + wrong else None)
    matrix = ConfusionMatrix(19)
    matrix.update(label_id_table()[ids], guess_trains)
    assert matrix.class_iou_percent() == tuple(scores)
    assert None in scores
    defined = [score for score in scores if score is not None]
    assert matrix.miou_percent() == math.fsum(defined) / len(defined)


def test_the_parts_of_every_image_make_up_the_whole() -> None:
    matrix = ConfusionMatrix(3)
    matrix.update(bytes_([0, 0, 1, 255]), bytes_([0, 1, 1, 2]))
    matrix.update(bytes_([2, 2]), bytes_([2, 0]))
    assert [part.tolist() for part in matrix.parts] == [
        [[1, 1, 0], [2, 1, 0], [1, 2, 0]],
        [[0, 0, 1], [0, 0, 2], [1, 0, 1]],
    ]
    hits, labelled, predicted = sum(matrix.parts)
    assert matrix.class_iou_percent() == tuple((100 * hits / (labelled + predicted - hits)).tolist())
