"""Writing datasets to disk: those of the Cityscapes classes in Cityscapes' layout, any as a plain folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgeseg.core.errors import InputError
from edgeseg.core.files import atomic_write, filled_folder
from edgeseg.core.protocols import Dataset, Progress
from edgeseg.data.cityscapes import DECLARATION as CITYSCAPES
from edgeseg.data.images import write_png
from edgeseg.data.labels import CITYSCAPES_CLASSES, CITYSCAPES_LABEL_IDS

__all__ = ["write_cityscapes", "write_folder"]

_CITY = "scenes"


def write_cityscapes(dataset: Dataset, root: Path, split: str, progress: Progress) -> list[Path]:
    """Write leftImg8bit/SPLIT/scenes/*.png and gtFine/SPLIT/scenes/*_labelIds.png; give the image paths.

    All are there in the end, or none. Pixels that are ignored get the label id 0. Raises InputError for other classes,
    a split that the layout has no labels of, a sample that cannot be used and folders that hold something already,
    WorkError where the system refuses.
    """
    if dataset.classes != CITYSCAPES_CLASSES:
        raise InputError(
            f"{dataset.name}: only the {len(CITYSCAPES_CLASSES)} Cityscapes classes have label ids to write"
        )
    if split not in CITYSCAPES.splits:
        raise InputError(
            f"{dataset.name}: its split {split} cannot be written: Cityscapes layout has no labels of it; give "
            f"--split {' or '.join(CITYSCAPES.splits)}"
        )
    images, labels = root / "leftImg8bit" / split / _CITY, root / "gtFine" / split / _CITY
    old = [path for folder in (images, labels) if folder.is_dir() for path in folder.iterdir()]
    if old:
        raise InputError(f"{old[0].parent}: not empty; choose another folder, or delete what is in it")
    label_ids = np.zeros(256, np.uint8)
    label_ids[: len(CITYSCAPES_LABEL_IDS)] = CITYSCAPES_LABEL_IDS
    written = []
    with filled_folder(images), filled_folder(labels):
        for index, (image, label) in enumerate(dataset):
            stem = f"{_CITY}_000000_{index:06d}"
            write_png(labels / f"{stem}_gtFine_labelIds.png", label_ids[label])
            write_png(images / f"{stem}_leftImg8bit.png", image)
            written.append(images / f"{stem}_leftImg8bit.png")
            progress(f"writing {split}", index + 1, len(dataset))
    return written


def write_folder(dataset: Dataset, root: Path) -> None:
    """Write images/*.png, masks/*.png of the same names and classes.txt, as `folder:ROOT` reads them.

    Raises WorkError where the system refuses.
    """
    atomic_write(root / "classes.txt", "".join(f"{name}\n" for name in dataset.classes))
    for index, (image, label) in enumerate(dataset):
        write_png(root / "images" / f"{index:06d}.png", image)
        write_png(root / "masks" / f"{index:06d}.png", label)
