from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from edgeseg.core.errors import InputError
from edgeseg.core.protocols import IGNORE
from edgeseg.core.types import Size
from edgeseg.data import declarations, open_dataset
from edgeseg.data.labels import CITYSCAPES_CLASSES
from edgeseg.data.street import ids

SMALL = Size(128, 256)


def test_the_same_scene_comes_back_in_whatever_order_it_is_asked_for():
    forward = list(open_dataset("scenes", size=SMALL, limit=4, seed=5))
    again = open_dataset("scenes", size=SMALL, limit=50, seed=5)
    for index in (3, 0, 2, 1):
        image, label = again[index]
        assert np.array_equal(image, forward[index][0])
        assert np.array_equal(label, forward[index][1])


def test_seed_split_and_index_each_give_another_scene():
    scenes = [
        open_dataset("scenes", size=SMALL)[0],
        open_dataset("scenes", size=SMALL)[1],
        open_dataset("scenes", size=SMALL, seed=1)[0],
        open_dataset("scenes", size=SMALL, split="train")[0],
    ]
    assert len({image.tobytes() for image, _ in scenes}) == len(scenes)


def test_every_size_shows_the_same_street():
    small, large = open_dataset("scenes", size=Size(256, 512)), open_dataset("scenes", size=Size(512, 1024))
    for index in range(4):
        label, same = small[index][1], large[index][1][::2, ::2]
        assert (label == same).mean() > 0.96


@pytest.mark.parametrize("size", [Size(1, 1), Size(33, 47), Size(300, 20), Size(20, 300), Size(512, 1024)], ids=str)
def test_any_size_gives_images_and_labels_of_that_size(size):
    for image, label in open_dataset("scenes", size=size, limit=3):
        assert image.shape == (size.height, size.width, 3)
        assert image.dtype == label.dtype == np.uint8
        assert image.flags.c_contiguous
        assert label.shape == image.shape[:2]
        assert set(np.unique(label)) <= {*range(19), IGNORE}


def test_default_lengths_and_limit():
    assert len(open_dataset("scenes")) == 100
    assert len(open_dataset("scenes", split="train")) == 2000
    assert len(list(open_dataset("scenes", size=Size(8, 8), limit=130))) == 130
    with pytest.raises(IndexError):
        open_dataset("scenes", limit=3)[3]


def test_every_class_shows_in_a_good_share_of_scenes():
    visible = np.zeros(19)
    for _, label in open_dataset("scenes", split="train", size=SMALL, limit=200):
        visible += np.bincount(label.ravel(), minlength=256)[:19] > 0.0005 * label.size
    shares = dict(zip(CITYSCAPES_CLASSES, visible / 200, strict=True))
    assert min(shares.values()) > 0.15, shares
    assert min(shares[name] for name in ("road", "building", "vegetation", "sky", "car")) > 0.85, shares


def test_no_class_has_one_colour_of_its_own():
    colours = {name: [] for name in CITYSCAPES_CLASSES}
    for image, label in open_dataset("scenes", size=SMALL, limit=60):
        for train_id, name in enumerate(CITYSCAPES_CLASSES):
            pixels = image[label == train_id]
            if len(pixels) > 20:
                colours[name].append(pixels.mean(axis=0))
    spreads = {name: float(np.std(means, axis=0).mean()) for name, means in colours.items()}
    assert min(spreads.values()) > 8, spreads


COSTS = """
import sys, time
import numpy as np
from edgeseg.core.types import Size
from edgeseg.data import open_dataset

def seconds(call, count):
    began = time.process_time()
    for index in range(count):
        call(index)
    return (time.process_time() - began) / count

def step(index):
    (pixels[:16] + pixels[16:]).astype(np.float32)

pixels, scenes = np.zeros((32, 32, 3), np.uint8), open_dataset("scenes", size=Size(256, 512))
scenes[0]
costs = [(seconds(scenes.__getitem__, 8), seconds(step, 4000)) for _ in range(5)]
scene, one = map(min, zip(*costs))
sys.exit(0 if scene < 80_000 * one else f"a scene costs {scene / one:.0f} steps")
"""


def test_a_scene_at_256x512_costs_less_than_eighty_thousand_steps_on_small_arrays() -> None:
    """Of which scenes are made. It costs 31 to 59 thousand, by the processor and by who else is in its caches.

    A process of its own has no other objects for Python to search through.
    """
    done = subprocess.run([sys.executable, "-c", COSTS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_names_of_train_ids_follow_the_classes():
    named = {value: name for name, value in vars(ids).items() if name.isupper()}
    assert [named[i].lower() for i in range(19)] == [name.removeprefix("traffic ") for name in CITYSCAPES_CLASSES]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("scenes", {"split": "test"}, "no split 'test'; it has val and train"),
        ("scenes", {"limit": 0}, "at least 1"),
        ("scenes", {"limit": "3"}, "limit '3': a number of samples is needed"),
        ("scenes:/somewhere", {}, "takes no path"),
        ("scene", {}, "did you mean scenes"),
    ],
)
def test_bad_input_is_named(text, options, message):
    with pytest.raises(InputError, match=message):
        open_dataset(text, **options)


def test_every_dataset_is_declared():
    found = declarations()
    assert {"scenes", "cityscapes", "camvid", "folder", "images"} <= set(found)
    for declared in found.values():
        assert declared.calibration_split in declared.splits
