from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from edgeseg.core.errors import InputError
from edgeseg.core.types import Normalization, Size
from edgeseg.train import TrainOptions
from edgeseg.train.augment import augment
from edgeseg.train.batches import Batches
from tests.train.tiny import OPTIONS, Squares

PLAIN = Normalization((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    batches = Batches(Squares(), PLAIN, OPTIONS)
    again = Batches(Squares(), PLAIN, replace(OPTIONS, cache_mib=0))
    _ = again[0]
    assert np.array_equal(batches[3][0], again[3][0])
    assert np.array_equal(batches[3][1], again[3][1])
    assert not np.array_equal(batches[3][0], batches[4][0])
    assert not np.array_equal(batches[3][0], Batches(Squares(), PLAIN, replace(OPTIONS, seed=1))[3][0])


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_the_stream_is_in_order_whatever_prepares_it(workers: int) -> None:
    batches = Batches(Squares(), PLAIN, replace(OPTIONS, workers=workers))
    stream = batches.stream(5)
    for step, (images, labels) in enumerate(itertools.islice(stream, 4), start=5):
        assert np.array_equal(images, batches[step][0])
        assert np.array_equal(labels, batches[step][1])
    stream.close()


def test_an_epoch_shows_every_image_once() -> None:
    class Counted(Squares):
        seen: list[int]

        def __getitem__(self, index: int):  # type: ignore[no-untyped-def]
            self.seen.append(index)
            return super().__getitem__(index)

    dataset = Counted(8)
    dataset.seen = []
    batches = Batches(dataset, PLAIN, replace(OPTIONS, cache_mib=0))
    for step in range(4):
        batches[step]
    assert sorted(dataset.seen[:8]) == sorted(dataset.seen[8:]) == list(range(8))
    assert dataset.seen[:8] != dataset.seen[8:]


def test_images_are_normalized_and_ignored_labels_negative() -> None:
    grey = Normalization((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    images, labels = Batches(Squares(), PLAIN, OPTIONS)[0]
    normalized, _ = Batches(Squares(), grey, OPTIONS)[0]
    assert images.shape == (4, 16, 24, 3) and images.dtype == np.float32
    assert images.min() >= 0 and images.max() <= 1
    np.testing.assert_allclose(normalized, (images - 0.5) / 0.25, atol=1e-5)
    assert set(np.unique(labels)) <= {-1, 0, 1}


def test_bgr_is_rgb_with_the_channels_the_other_way() -> None:
    rgb, bgr = (Normalization((0.1, 0.2, 0.3), (0.4, 0.5, 0.6), order) for order in ("RGB", "BGR"))
    images, swapped = (Batches(Squares(), normalization, OPTIONS)[0][0] for normalization in (rgb, bgr))
    assert np.array_equal(swapped, images[..., ::-1])


@pytest.mark.parametrize("scale", [0.4, 1.0, 1.7])
def test_image_and_label_stay_on_each_other(scale: float) -> None:
    image, label = Squares()[2]
    label[0] = 0
    options = TrainOptions(crop=Size(40, 40), min_scale=scale, max_scale=scale, jitter=0)
    same = total = 0
    for seed in range(20):
        moved, taken = augment(image, label, options, np.random.default_rng(seed))
        known = taken != 255
        same += int(((moved.mean(-1) > 100) == (taken == 1))[known].sum())
        total += int(known.sum())
    assert total > 4000
    assert same / total > 0.97


def test_at_scale_one_a_crop_of_the_full_size_is_the_image_or_its_mirror() -> None:
    image, label = Squares()[1]
    options = TrainOptions(crop=Size(32, 48), min_scale=1.0, max_scale=1.0, jitter=0)
    mirrored = set()
    for seed in range(8):
        moved, taken = augment(image, label, options, np.random.default_rng(seed))
        flipped = np.array_equal(moved, image[:, ::-1])
        mirrored.add(flipped)
        assert flipped or np.array_equal(moved, image)
        assert np.array_equal(taken, label[:, ::-1] if flipped else label)
    assert mirrored == {False, True}


def test_a_crop_larger_than_the_image_is_ignored_outside() -> None:
    image, label = Squares()[1]
    options = TrainOptions(crop=Size(64, 64), min_scale=1.0, max_scale=1.0)
    _, taken = augment(image, np.zeros_like(label), options, np.random.default_rng(0))
    assert int((taken == 0).sum()) == label.size


def test_class_weights_follow_the_balance_and_average_one_a_pixel() -> None:
    labels = np.concatenate([label.ravel() for _, label in Squares()])
    share = np.bincount(labels[labels != 255]) / (labels != 255).sum()
    alike, half, full = (
        Batches(Squares(), PLAIN, replace(OPTIONS, balance=balance)).class_weights() for balance in (0, 0.5, 1)
    )
    assert alike.tolist() == [1, 1]
    assert (half * share).sum() == pytest.approx(1)
    assert half[1] / half[0] == pytest.approx((share[0] / share[1]) ** 0.5)
    assert full * share == pytest.approx([0.5, 0.5])


def test_data_that_cannot_be_trained_on_is_refused() -> None:
    with pytest.raises(InputError, match="squares: no images"):
        Batches(Squares(0), PLAIN, OPTIONS)
    with pytest.raises(InputError, match=r"squares, image \d: label value 7 is none of its 2 classes"):
        Batches(Squares(highest=7), PLAIN, OPTIONS)[0]
