from __future__ import annotations

import numpy as np

from edgeseg.core.resize import resize_nearest
from edgeseg.core.types import Size


def test_labels_are_resized_to_the_nearest_pixel() -> None:
    label = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.array_equal(resize_nearest(label, Size(3, 4)), label)
    assert np.array_equal(resize_nearest(label, Size(6, 8)), label.repeat(2, 0).repeat(2, 1))
    assert resize_nearest(label, Size(1, 2)).tolist() == [[5, 7]]


def test_class_maps_of_a_batch_are_resized_each() -> None:
    size, classmaps = Size(5, 7), np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(resize_nearest(classmaps, size), [resize_nearest(each, size) for each in classmaps])
