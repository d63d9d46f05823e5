from __future__ import annotations

import numpy as np
import pytest

from edgeseg.core.errors import InputError, WorkError
from edgeseg.core.types import Size
from edgeseg.data import images, open_dataset
from edgeseg.data.write import write_cityscapes, write_folder


def quiet(what: str, done: int, total: int) -> None:
    assert done <= total


def test_what_was_written_reads_back_the_same(tmp_path):
    scenes = open_dataset("scenes", size=Size(48, 96), limit=3)
    written = write_cityscapes(scenes, tmp_path, "val", quiet)
    assert [path.name for path in written] == [f"scenes_000000_{i:06d}_leftImg8bit.png" for i in range(3)]
    back = open_dataset(f"cityscapes:{tmp_path}")
    assert len(back) == 3
    for (image, label), (same_image, same_label) in zip(scenes, back, strict=True):
        assert np.array_equal(image, same_image)
        assert np.array_equal(label, same_label)


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    scenes = open_dataset("scenes", size=Size(16, 32), limit=3)
    write_cityscapes(scenes, tmp_path, "val", quiet)
    fewer = open_dataset("scenes", size=Size(16, 32), limit=2, seed=9)
    with pytest.raises(InputError, match="not empty"):
        write_cityscapes(fewer, tmp_path, "val", quiet)
    write_cityscapes(fewer, tmp_path, "train", quiet)
    back = open_dataset(f"cityscapes:{tmp_path}", split="val")
    assert len(back) == 3
    assert np.array_equal(back[0][0], scenes[0][0])


def test_a_write_that_is_cut_short_leaves_no_part_of_a_file(tmp_path, monkeypatch):
    def full_disk(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(images.Image.Image, "save", full_disk)
    with pytest.raises(WorkError, match="No space left on device"):
        write_cityscapes(open_dataset("scenes", size=Size(16, 32), limit=1), tmp_path, "val", quiet)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_sample_that_cannot_be_used_leaves_nothing_that_blocks_the_next_write(tmp_path):
    write_folder(open_dataset("scenes", size=Size(16, 32), limit=2), tmp_path / "mine")
    label = tmp_path / "mine/masks/000001.png"
    whole = label.read_bytes()
    label.write_bytes(b"no label")
    mine = open_dataset(f"folder:{tmp_path / 'mine'}")
    with pytest.raises(InputError, match=r"000001\.png: unreadable or truncated label"):
        write_cityscapes(mine, tmp_path / "city", "val", quiet)
    assert [path for path in (tmp_path / "city").rglob("*") if path.is_file()] == []
    label.write_bytes(whole)
    assert len(write_cityscapes(mine, tmp_path / "city", "val", quiet)) == 2


def test_a_split_that_cannot_be_read_back_is_refused(tmp_path):
    scenes = open_dataset("scenes", size=Size(16, 32), limit=1)
    with pytest.raises(InputError, match=r"its split test cannot be written: .*; give --split val or train"):
        write_cityscapes(scenes, tmp_path, "test", quiet)
    assert list(tmp_path.iterdir()) == []


def test_other_classes_are_refused(tmp_path):
    other = open_dataset("scenes", size=Size(16, 32), limit=1)
    other.classes = ("ground", "sky")
    with pytest.raises(InputError, match="only the 19 Cityscapes classes"):
        write_cityscapes(other, tmp_path, "val", quiet)


def test_a_folder_of_any_classes_reads_back_the_same(tmp_path):
    scenes = open_dataset("scenes", size=Size(24, 48), limit=2)
    write_folder(scenes, tmp_path / "data")
    back = open_dataset(f"folder:{tmp_path / 'data'}")
    assert back.classes == scenes.classes
    for (image, label), (same_image, same_label) in zip(scenes, back, strict=True):
        assert np.array_equal(image, same_image)
        assert np.array_equal(label, same_label)
