"""Anyone's own data: a folder of images and a folder of masks."""

from __future__ import annotations

import os
from collections import Counter
from colorsys import hsv_to_rgb
from pathlib import Path

from edgeseg.core.errors import InputError, NoImages
from edgeseg.core.protocols import DatasetDeclaration, DatasetOptions
from edgeseg.data.labels import CITYSCAPES_CLASSES, CITYSCAPES_PALETTE
from edgeseg.data.pairs import IMAGE_SUFFIXES, LabelCode, Pair, Pairs, existing_folder, images_in, need_labels

__all__ = ["DECLARATION", "open_dataset"]

DECLARATION = DatasetDeclaration(
    name="folder",
    summary="images/* with masks/*.png of the same names (class ids, 255 void), or SPLIT/images with SPLIT/masks; "
    "optional classes.txt, one name a line (else the 19 of Cityscapes)",
    splits=("val", "train", "test"),
    calibration_split="train",
    extra="images",
    package="pillow",
)
_LAYOUT = "images/* with masks/*.png of the same names, here or under val/, train/ or test/"
_MOST_CLASSES = 255


def open_dataset(options: DatasetOptions) -> Pairs:
    """The images in the order of their names.

    A folder that is not divided into splits is taken whole for each of them. InputError names what is missing.
    """
    if options.path is None:
        raise InputError("folder needs a path; write folder:PATH")
    root = existing_folder(options.path, f"a folder with {_LAYOUT}")
    home = _split_folder(root, options.split)
    split = home.name if home != root else options.split or DECLARATION.splits[0]
    classes = _classes(root / "classes.txt")
    code = LabelCode.train_ids(len(classes))
    _check_flat(home / "images")
    images, unread = images_in(home / "images", (home / "images").glob("*"), _LAYOUT, options)
    pairs = [Pair(image, home / "masks" / f"{image.stem}.png", code) for image in images]
    need_labels(pairs)
    return Pairs("folder", pairs, classes, _palette(classes), options.size, split, unread)


def _check_flat(images: Path) -> None:
    """Raise InputError for a folder of images inside `images`, whose masks no name would tell."""
    for place, inside, names in os.walk(images, followlinks=True):
        inside[:] = sorted(name for name in inside if name[0] != ".")
        held = (name for name in names if name[0] != "." and Path(name).suffix.lower() in IMAGE_SUFFIXES)
        if Path(place) != images and next(held, None):
            raise InputError(
                f"{place}: a folder of images inside {images}, where none is looked into; move its images up, and its "
                "masks, or make it a split: SPLIT/images with SPLIT/masks"
            )


def _split_folder(root: Path, split: str | None) -> Path:
    if split is not None and split not in DECLARATION.splits:
        raise InputError(f"folder has no split {split!r}; it can have {', '.join(DECLARATION.splits)}")
    if (root / "images").is_dir():
        return root
    wanted = DECLARATION.splits if split is None else (split,)
    for name in wanted:
        if (root / name / "images").is_dir():
            return root / name
    raise NoImages(f"{root}: no images for {split or 'any split'}; expected {_LAYOUT}")


def _classes(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        return CITYSCAPES_CLASSES
    try:
        names = tuple(line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip())
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a UTF-8 text file; expected one class name a line") from error
    if not 2 <= len(names) <= _MOST_CLASSES:
        raise InputError(f"{path}: {len(names)} class names; expected 2 to {_MOST_CLASSES}, one a line")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(f"{path}: class {twice[0]} stands there more than once; give each a name of its own")
    return names


def _palette(classes: tuple[str, ...]) -> tuple[tuple[int, int, int], ...]:
    """Cityscapes' own colours for its classes, else hues a golden angle apart."""
    if classes == CITYSCAPES_CLASSES:
        return CITYSCAPES_PALETTE
    shades = (hsv_to_rgb(0.618034 * i % 1, 0.85 - 0.3 * (i % 2), 0.95 - 0.2 * (i % 3)) for i in range(len(classes)))
    return tuple((round(255 * r), round(255 * g), round(255 * b)) for r, g, b in shades)
