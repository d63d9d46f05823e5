from __future__ import annotations

import os
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeseg.core.errors import InputError, MissingDependency, NoImages
from edgeseg.core.protocols import IGNORE
from edgeseg.core.types import Size
from edgeseg.data import open_dataset
from edgeseg.data.check import check
from edgeseg.data.labels import CAMVID_CLASSES, CITYSCAPES_CLASSES, CITYSCAPES_PALETTE
from edgeseg.data.stamp import stamp
from edgeseg.data.unlabelled import as_dataset
from edgeseg.data.write import write_cityscapes, write_folder
from edgeseg.pipeline.images import calibration_note, evaluation_note, open_calibration

REAL = Path(__file__).parents[2].parent / "shared" / "real"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the real Cityscapes images are not here")


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def picture(height: int = 6, width: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def mask(*values: int, height: int = 6, width: int = 8) -> np.ndarray:
    return np.resize(np.array(values, np.uint8), (height, width))


def city(root: Path, labels: np.ndarray, kind: str = "labelIds", suffix: str = "png") -> tuple[Path, Path]:
    image = save(root / f"leftImg8bit/val/town/town_000001_000019_leftImg8bit.{suffix}", picture())
    return image, save(root / f"gtFine/val/town/town_000001_000019_gtFine_{kind}.png", labels)


def test_label_ids_become_train_ids_and_void_is_ignored(tmp_path):
    city(tmp_path, mask(7, 8, 33, 0, 29, 255, 11, 31))
    dataset = open_dataset(f"cityscapes:{tmp_path}")
    assert len(dataset) == 1
    image, label = dataset[0]
    assert np.array_equal(image, picture())
    assert label[0].tolist() == [0, 1, 18, IGNORE, IGNORE, IGNORE, 2, 16]


def test_train_id_labels_serve_where_label_ids_are_absent(tmp_path):
    city(tmp_path, mask(3, 18, 255, 0), kind="labelTrainIds", suffix="jpg")
    dataset = open_dataset(f"cityscapes:{tmp_path}")
    assert dataset[0][1][0, :4].tolist() == [3, 18, IGNORE, 0]
    city(tmp_path, mask(7), suffix="jpg")
    assert open_dataset(f"cityscapes:{tmp_path}")[0][1][0, 0] == 0


def test_the_environment_names_the_folder(tmp_path, monkeypatch):
    city(tmp_path, mask(7))
    monkeypatch.setenv("CITYSCAPES_DATASET", str(tmp_path))
    assert len(open_dataset("cityscapes")) == 1
    monkeypatch.delenv("CITYSCAPES_DATASET")
    with pytest.raises(InputError, match=r"cityscapes:PATH or set \$CITYSCAPES_DATASET"):
        open_dataset("cityscapes")


def test_a_size_resizes_image_and_label(tmp_path):
    city(tmp_path, mask(7, 8))
    image, label = open_dataset(f"cityscapes:{tmp_path}", size=Size(3, 16))[0]
    assert image.shape == (3, 16, 3)
    assert label.shape == (3, 16)
    assert set(np.unique(label)) == {0, 1}


def test_camvid_reads_the_segnet_layout(tmp_path):
    save(tmp_path / "test/0001.png", picture())
    save(tmp_path / "testannot/0001.png", mask(0, 10, 11))
    dataset = open_dataset(f"camvid:{tmp_path}")
    assert dataset.classes == CAMVID_CLASSES
    assert len(dataset.palette) == 11
    assert dataset[0][1][0, :3].tolist() == [0, 10, IGNORE]


def test_a_folder_has_its_own_classes(tmp_path):
    save(tmp_path / "images/a.jpg", picture())
    save(tmp_path / "masks/a.png", mask(0, 2, 255))
    (tmp_path / "classes.txt").write_text("ground\nplant\nsky\n")
    for split in (None, "val", "train"):
        dataset = open_dataset(f"folder:{tmp_path}", split=split)
        assert dataset.classes == ("ground", "plant", "sky")
        assert len(set(dataset.palette)) == 3
        assert dataset[0][1][0, :3].tolist() == [0, 2, IGNORE]


def test_a_folder_without_names_has_the_cityscapes_classes_and_may_have_splits(tmp_path):
    for split, value in (("train", 1), ("val", 2)):
        save(tmp_path / split / "images/a.png", picture())
        save(tmp_path / split / "masks/a.png", mask(value))
    assert open_dataset(f"folder:{tmp_path}").classes == CITYSCAPES_CLASSES
    assert [open_dataset(f"folder:{tmp_path}", split=split).split for split in (None, "train")] == ["val", "train"]
    assert open_dataset(f"folder:{tmp_path / 'val'}").split == "val"
    assert open_dataset(f"folder:{tmp_path}").palette == CITYSCAPES_PALETTE
    assert open_dataset(f"folder:{tmp_path}")[0][1][0, 0] == 2
    assert open_dataset(f"folder:{tmp_path}", split="train")[0][1][0, 0] == 1
    with pytest.raises(InputError, match="no images for test"):
        open_dataset(f"folder:{tmp_path}", split="test")


def test_images_need_no_labels(tmp_path):
    save(tmp_path / "day/a.jpg", picture())
    save(tmp_path / "night/b.bmp", picture(12, 8))
    (tmp_path / "notes.txt").write_text("not an image")
    dataset = open_dataset(f"images:{tmp_path}", size=Size(3, 4))
    assert (len(dataset), dataset.classes) == (2, ())
    for image, label in dataset:
        assert image.shape == (3, 4, 3)
        assert label.tolist() == [[IGNORE] * 4] * 3
    assert open_dataset(f"images:{tmp_path}")[1][0].tolist() == picture(12, 8).tolist()
    assert not check(open_dataset(f"images:{tmp_path}"), lambda *told: None).problems
    with pytest.raises(InputError, match="images has no split 'val' and no labels"):
        open_dataset(f"images:{tmp_path}", split="val")


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("images", "masks"),
        ("train/images", "train/masks"),
        ("leftImg8bit", "gtFine"),
        ("city/leftImg8bit", "city/gtCoarse"),
        ("train", "trainannot"),
    ],
)
def test_labels_are_not_taken_for_images(tmp_path, images, labels):
    save(tmp_path / images / "a.png", picture())
    save(tmp_path / labels / "a.png", mask(1))
    with pytest.raises(InputError, match=rf"{labels}: labels, .*; give images:{tmp_path / images}, or"):
        open_dataset(f"images:{tmp_path}")
    assert len(open_dataset(f"images:{tmp_path / images}")) == 1


def test_images_of_linked_folders_are_found_once(tmp_path):
    save(tmp_path / "elsewhere/a.png", picture())
    save(tmp_path / "here/deep/b.png", picture())
    for name in ("linked", "twice"):
        (tmp_path / f"here/{name}").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "here/deep/up").symlink_to(tmp_path / "here")
    (tmp_path / "elsewhere/again").symlink_to(tmp_path / "here/deep")
    assert len(open_dataset(f"images:{tmp_path / 'here'}")) == 2


def test_calibration_images_are_taken_from_the_whole(tmp_path):
    for value in range(10):
        save(tmp_path / f"train/images/{value}.png", np.full((2, 2, 3), value, np.uint8))
        save(tmp_path / f"train/masks/{value}.png", mask(value, height=2, width=2))
    for text in (f"folder:{tmp_path}", f"images:{tmp_path / 'train/images'}"):
        spread = open_calibration(text, None, Size(2, 2), 4)
        assert [int(image[0, 0, 0]) for image, _ in spread] == [0, 2, 5, 7]
        assert len(open_calibration(text, None, Size(2, 2), 64)) == 10
    assert [label[0, 0] for _, label in open_dataset(f"folder:{tmp_path}", split="train", limit=2)] == [0, 1]


def test_accuracy_on_calibration_images_is_said_to_be(tmp_path):
    text, dataset = f"folder:{tmp_path}", open_dataset("scenes", size=Size(2, 2), limit=3)
    write_folder(dataset, tmp_path / "train")
    assert open_calibration(text, None, None, 64).files == open_dataset(text).files
    told = f"{text}: no images for val, so accuracy is measured on those that calibration takes"
    assert evaluation_note(text) == told
    write_folder(dataset, tmp_path / "val")
    assert evaluation_note(text) is None
    assert evaluation_note("scenes") is None
    write_cityscapes(dataset, tmp_path / "city", "train", lambda *told: None)
    with pytest.raises(NoImages, match="val: empty dataset"):
        evaluation_note(f"cityscapes:{tmp_path / 'city'}")


@pytest.mark.parametrize("name", ["folder", "cityscapes"])
def test_data_without_a_split_to_calibrate_on_is_calibrated_on_as_it_is_measured(name, tmp_path):
    dataset = open_dataset("scenes", size=Size(2, 2), limit=3)
    if name == "folder":
        write_folder(dataset, tmp_path / "val")
    else:
        write_cityscapes(dataset, tmp_path, "val", lambda *told: None)
    text = f"{name}:{tmp_path}"
    assert open_calibration(text, None, None, 64).files == open_dataset(text).files
    assert calibration_note(text, None) == (
        f"{text}: no images for train, so calibration takes those that accuracy is measured on"
    )
    assert calibration_note(text, "val") is None
    assert calibration_note("scenes", None) is None
    with pytest.raises(NoImages):
        open_calibration(text, "train", None, 64)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoImages):
        open_calibration(f"{name}:{tmp_path / 'empty'}", None, None, 64)


def test_class_names_are_told_apart(tmp_path):
    save(tmp_path / "images/a.png", picture())
    save(tmp_path / "masks/a.png", mask(0))
    (tmp_path / "classes.txt").write_text("\ufeffground\nsky\n", encoding="utf-8")
    assert open_dataset(f"folder:{tmp_path}").classes == ("ground", "sky")
    (tmp_path / "classes.txt").write_text("ground\nsky\nground\n")
    with pytest.raises(InputError, match=r"classes\.txt: class ground stands there more than once"):
        open_dataset(f"folder:{tmp_path}")


def test_an_image_without_a_label_is_named(tmp_path):
    image, label = city(tmp_path, mask(7))
    label.unlink()
    with pytest.raises(InputError, match=f"{image.name}: image without a label; expected .*{label.name}"):
        open_dataset(f"cityscapes:{tmp_path}")


def test_a_value_out_of_range_is_named_with_file_and_range(tmp_path):
    _, label = city(tmp_path, mask(7, 34))
    with pytest.raises(InputError, match=rf"{label.name}: label value 34 is out of range; expected .*0\.\.33"):
        open_dataset(f"cityscapes:{tmp_path}")[0]
    save(tmp_path / "images/a.png", picture())
    save(tmp_path / "masks/a.png", mask(0, 19))
    with pytest.raises(InputError, match=r"a\.png: label value 19 is out of range; expected 0\.\.18 or 255"):
        open_dataset(f"folder:{tmp_path}")[0]


def test_a_truncated_image_is_named(tmp_path):
    image, _ = city(tmp_path, mask(7))
    image.write_bytes(image.read_bytes()[:60])
    with pytest.raises(InputError, match=f"{image.name}: unreadable or truncated image"):
        open_dataset(f"cityscapes:{tmp_path}")[0]


def test_an_image_of_sixteen_bits_is_refused(tmp_path):
    save(tmp_path / "deep.png", np.full((4, 4), 40000, np.uint16))
    with pytest.raises(InputError, match=r"deep\.png: image of mode I;16, .*convert it to 8 bits"):
        open_dataset(f"images:{tmp_path}")[0]


def test_colour_labels_and_other_sizes_are_refused(tmp_path):
    _, label = city(tmp_path, picture())
    with pytest.raises(InputError, match=f"{label.name}: label of mode RGB"):
        open_dataset(f"cityscapes:{tmp_path}")[0]
    save(label, mask(7, height=3))
    with pytest.raises(InputError, match=f"{label.name}: label of 3x8 for an image of 6x8"):
        open_dataset(f"cityscapes:{tmp_path}")[0]


@pytest.mark.parametrize("name", ["cityscapes", "camvid", "folder", "images"])
def test_absent_and_empty_datasets_say_what_was_expected(tmp_path, name):
    with pytest.raises(InputError, match=r"no such folder; expected a folder (with|of)"):
        open_dataset(f"{name}:{tmp_path / 'absent'}")
    with pytest.raises(InputError, match=r"expected .*(leftImg8bit|annot|masks|\.png)"):
        open_dataset(f"{name}:{tmp_path}")


@pytest.mark.parametrize(
    ("text", "split", "message"),
    [
        ("cityscapes:.", "test", "without labels"),
        ("cityscapes:.", "extra", "no split 'extra'"),
        ("camvid:.", "extra", "no split 'extra'"),
        ("folder:.", "extra", "no split 'extra'"),
        ("camvid", None, "camvid:PATH"),
        ("folder", None, "folder:PATH"),
        ("images", None, "images:PATH"),
    ],
)
def test_unusable_options_are_named(text, split, message):
    with pytest.raises(InputError, match=message):
        open_dataset(text, split=split)


def test_bad_class_lists_are_named(tmp_path):
    save(tmp_path / "images/a.png", picture())
    save(tmp_path / "masks/a.png", mask(0))
    (tmp_path / "classes.txt").write_text("alone\n")
    with pytest.raises(InputError, match=r"classes\.txt: 1 class names"):
        open_dataset(f"folder:{tmp_path}")
    (tmp_path / "classes.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"classes\.txt: not a UTF-8 text file"):
        open_dataset(f"folder:{tmp_path}")


def test_without_pillow_the_extra_is_named(tmp_path, monkeypatch):
    for name in ("images", "pairs", "cityscapes"):
        monkeypatch.delitem(sys.modules, f"edgeseg.data.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingDependency, match=r"reading cityscapes needs the package pillow.*edgeseg\[images\]"):
        open_dataset(f"cityscapes:{tmp_path}")


def test_check_counts_and_goes_on_past_problems(tmp_path):
    for name, values in (("a", (0, 0, 1, 255)), ("b", (0, 77)), ("c", (1,))):
        save(tmp_path / f"images/{name}.png", picture())
        save(tmp_path / f"masks/{name}.png", mask(*values))
    (tmp_path / "classes.txt").write_text("ground\nplant\nsky\n")
    told = []
    summary = check(open_dataset(f"folder:{tmp_path}"), lambda what, done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert summary.images == 2
    assert summary.sizes == ((Size(6, 8), 2),)
    shares = dict(summary.class_percent)
    assert shares == pytest.approx({"ground": 100 * 24 / 84, "plant": 100 * 60 / 84, "sky": 0})
    assert summary.class_images == (1, 2, 0)
    assert summary.ignored_percent == pytest.approx(12.5)
    assert len(summary.problems) == 1
    assert "label value 77" in summary.problems[0]


def test_check_tells_of_masks_in_which_a_class_is_void(tmp_path):
    save(tmp_path / "images/a.png", picture())
    save(tmp_path / "masks/a.png", mask(0, 255))
    (tmp_path / "classes.txt").write_text("ground\nplant\n")
    summary = check(open_dataset(f"folder:{tmp_path}"), lambda *_told: None)
    assert len(summary.problems) == 1
    assert "all labels are ground or ignored; a class stored as 255" in summary.problems[0]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_labels_of_fewer_bits_are_ids_too(tmp_path, bits):
    ids = mask(*range(min(2**bits, 16)))
    (tmp_path / "masks").mkdir()
    save(tmp_path / "images/a.png", picture())
    if bits == 1:
        Image.fromarray(ids.astype(bool)).save(tmp_path / "masks/a.png")
    else:
        gray_png(tmp_path / "masks/a.png", ids, bits)
    assert np.array_equal(open_dataset(f"folder:{tmp_path}")[0][1], np.where(ids < 19, ids, IGNORE))


def gray_png(path: Path, ids: np.ndarray, bits: int) -> None:
    """Pillow writes no grey values of two and four bits."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    height, width = ids.shape
    spread = np.unpackbits(ids[..., None], axis=2)[..., -bits:].reshape(height, -1)
    rows = b"".join(b"\0" + np.packbits(row).tobytes() for row in spread)
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks))


def test_an_image_is_turned_as_its_camera_was_held(tmp_path):
    turned = Image.fromarray(picture())
    exif = turned.getexif()
    exif[0x0112] = 6
    (tmp_path / "images").mkdir()
    turned.save(tmp_path / "images/a.png", exif=exif)
    save(tmp_path / "masks/a.png", mask(0, height=8, width=6))
    image, _ = open_dataset(f"folder:{tmp_path}")[0]
    assert np.array_equal(image, np.rot90(picture(), -1))


@needs_real
def test_the_real_thing_opens_and_reads():
    small = open_dataset(f"cityscapes:{REAL / 'cityscapes_512x256'}")
    assert len(small) == 89
    assert len(open_dataset(f"cityscapes:{REAL / 'cityscapes_512x256'}", split="train", limit=7)) == 7
    image, label = small[0]
    assert image.shape == (256, 512, 3)
    assert (label == 0).mean() > 0.1
    large, _ = open_dataset(f"cityscapes:{REAL / 'cityscapes_2048x1024'}", split="train")[0]
    assert large.shape == (1024, 2048, 3)


def test_a_stamp_is_of_these_very_images(tmp_path):
    save(tmp_path / "images/a.png", picture())
    save(tmp_path / "masks/a.png", mask(0))
    for text in (f"folder:{tmp_path}", f"images:{tmp_path}/images"):
        before = stamp(open_dataset(text))
        assert stamp(open_dataset(text)) == before
        os.utime(tmp_path / "images/a.png", (1, 1))
        assert stamp(open_dataset(text)) != before
        os.utime(tmp_path / "images/a.png")
    zeros, ones = (as_dataset([np.full((4, 4, 3), value, np.uint8)]) for value in (0, 1))
    assert stamp(zeros) != stamp(ones)


def test_two_images_of_one_label_are_refused(tmp_path):
    for suffix in ("png", "bmp"):
        save(tmp_path / f"images/a.{suffix}", picture())
    save(tmp_path / "images/._b.png", picture())
    save(tmp_path / "masks/a.png", mask(0))
    with pytest.raises(InputError, match=r"images/a: two images of that name, but one label"):
        open_dataset(f"folder:{tmp_path}")


@pytest.mark.parametrize("place", ["images/town", "images/town/deep", "val/images/town"])
def test_images_in_a_folder_inside_are_not_left_out_in_silence(tmp_path, place):
    images = Path(place).parts[: Path(place).parts.index("images") + 1]
    save(tmp_path.joinpath(*images, "a.png"), picture())
    save(tmp_path.joinpath(*images[:-1], "masks", "a.png"), mask(0))
    save(tmp_path.joinpath(*images, ".thumbnails/a.png"), picture())
    tmp_path.joinpath(*images, "notes").mkdir()
    assert len(open_dataset(f"folder:{tmp_path}")) == 1
    save(tmp_path / place / "b.jpg", picture())
    with pytest.raises(InputError, match=rf"{place}: a folder of images inside .*images, .*move its images up"):
        open_dataset(f"folder:{tmp_path}")


def test_nor_are_those_behind_a_link(tmp_path):
    save(tmp_path / "images/a.png", picture())
    save(tmp_path / "masks/a.png", mask(0))
    save(tmp_path / "elsewhere/b.png", picture())
    (tmp_path / "images/town").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="images/town: a folder of images inside"):
        open_dataset(f"folder:{tmp_path}")


def test_files_that_are_not_read_are_counted(tmp_path):
    for name in ("a.JP2", "b.jp2", "c.txt", "d", ".hidden.avif"):
        (tmp_path / name).write_text("no image that is read")
    with pytest.raises(NoImages, match=r"no image found among 2 \.jp2, 1 \.txt, 1 without suffix; expected"):
        open_dataset(f"images:{tmp_path}")
    save(tmp_path / "e.png", picture())
    assert open_dataset(f"images:{tmp_path}").unread == {".jp2": 2, ".txt": 1, "without suffix": 1}
    image, _ = city(tmp_path / "city", mask(7))
    image.with_suffix(".gif").touch()
    assert open_dataset(f"cityscapes:{tmp_path / 'city'}").unread == {".gif": 1}


def test_a_scene_that_is_there_twice_is_refused(tmp_path):
    for suffix in ("png", "jpg"):
        city(tmp_path, mask(7), suffix=suffix)
        save(tmp_path / f"test/0001.{suffix}", picture())
    save(tmp_path / "testannot/0001.png", mask(0))
    with pytest.raises(InputError, match=r"town_000001_000019_leftImg8bit: two images of that name, but one label"):
        open_dataset(f"cityscapes:{tmp_path}")
    with pytest.raises(InputError, match=r"test/0001: two images of that name, but one label"):
        open_dataset(f"camvid:{tmp_path}")


@pytest.mark.parametrize("name", ["a.jpg", "a.PNG", "a_mask.png"])
def test_a_label_of_another_name_is_named(tmp_path, name):
    save(tmp_path / "images/a.png", picture())
    save(tmp_path / f"masks/{name}", mask(0))
    save(tmp_path / "masks/ab.png", mask(0))
    with pytest.raises(InputError, match=rf"a\.png: image without a label; expected .*a\.png \({name} is there\)$"):
        open_dataset(f"folder:{tmp_path}")


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_an_image_whose_exif_is_damaged_is_read_as_it_is_stored(tmp_path, suffix):
    Image.fromarray(picture()).save(tmp_path / f"a.{suffix}", exif=b"Exif\0\0no EXIF at all", lossless=True)
    image, _ = open_dataset(f"images:{tmp_path}")[0]
    assert np.array_equal(image, picture())


def test_a_link_to_nothing_is_not_left_out_in_silence(tmp_path):
    for name in ("a", "b"):
        save(tmp_path / f"images/{name}.png", picture())
        save(tmp_path / f"masks/{name}.png", mask(0))
    (tmp_path / "images/c.png").symlink_to("not_fetched.png")
    for text in (f"folder:{tmp_path}", f"images:{tmp_path}/images"):
        with pytest.raises(InputError, match=r"images/c\.png: a link to a file that is not there"):
            open_dataset(text)
    (tmp_path / "images/c.png").unlink()
    (tmp_path / "images/c.png").symlink_to("a.png")
    assert len(open_dataset(f"images:{tmp_path}/images")) == 3
