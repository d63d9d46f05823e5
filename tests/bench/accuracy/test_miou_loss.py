from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeseg.bench.accuracy import miou_loss
from edgeseg.bench.accuracy.miou import ConfusionMatrix
from edgeseg.bench.accuracy.miou_loss import Interval, loss_interval

CLASSES = 4
Images = list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]


def predicted(seed: int, right: float, count: int = 24) -> Images:
    """Labels that follow from their number alone, and predictions of which about that share is right."""
    rng, images = np.random.default_rng(seed), []
    for number in range(count):
        label = np.random.default_rng(number).choice([0, 1, 2, 3, 255], (9, 14), p=[0.5, 0.3, 0.1, 0.05, 0.05])
        guess = rng.integers(0, CLASSES, label.shape)
        images.append((label.astype(np.uint8), np.where((rng.random(label.shape) < right) & (label < 4), label, guess)))
    return [(label, prediction.astype(np.uint8)) for label, prediction in images]


def matrix(images: Images) -> ConfusionMatrix:
    found = ConfusionMatrix(CLASSES)
    for label, prediction in images:
        found.update(label, prediction)
    return found


def counts(images: Images) -> list[list[list[int]]]:
    return [part.tolist() for part in matrix(images).parts]


def test_equal_to_counting_every_resample_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    base, other = predicted(1, 0.8), predicted(2, 0.7)
    drawn = miou_loss._draws(len(base))[:20]
    monkeypatch.setattr(miou_loss, "_draws", lambda images: drawn)
    losses = []
    for times in drawn.astype(int):
        again = [np.repeat(np.arange(len(base)), times).tolist()] * 2
        one, two = (matrix([images[i] for i in which]) for images, which in zip((base, other), again, strict=True))
        losses.append(one.miou_percent() - two.miou_percent())  # type: ignore[operator]
    low, high = np.percentile(losses, [2.5, 97.5])
    found = loss_interval(counts(base), counts(other))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-10)


def test_the_same_file_loses_nothing_and_pairing_narrows() -> None:
    base = predicted(1, 0.8)
    assert loss_interval(counts(base), counts(base)) == Interval(0.0, 0.0)
    worse = [(label, np.where(label == 3, 0, guess).astype(np.uint8)) for label, guess in base]
    found = loss_interval(counts(base), counts(worse))
    assert found is not None
    assert 0 < found.low < found.high
    alone = loss_interval(counts(base), counts(predicted(7, 0.3)))
    assert alone is not None
    assert alone.low > 20


def test_it_covers_the_loss_of_the_images_that_these_were_drawn_from() -> None:
    many = 600
    base, other = counts(predicted(1, 0.8, many)), counts(predicted(2, 0.7, many))
    whole = [100 * np.mean(h / (t + p - h)) for h, t, p in (np.sum(c, axis=0) for c in (base, other))]
    rng, covered = np.random.default_rng(0), 0
    for _ in range(100):
        some = rng.choice(many, 40, replace=False)
        found = loss_interval([base[i] for i in some], [other[i] for i in some])
        assert found is not None
        covered += found.low <= whole[0] - whole[1] <= found.high
    assert covered >= 90


def test_too_few_images_or_other_labels_give_none() -> None:
    base = counts(predicted(1, 0.8))
    assert loss_interval(base[:9], base[:9]) is None
    assert loss_interval(base, base[::-1]) is None
    assert loss_interval(base, base[:12]) is None
