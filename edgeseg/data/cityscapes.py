"""Cityscapes on disk, as published (Cordts et al., CVPR 2016, https://www.cityscapes-dataset.com)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from edgeseg.core.errors import InputError
from edgeseg.core.protocols import DatasetDeclaration, DatasetOptions
from edgeseg.data.labels import CITYSCAPES_CLASSES, CITYSCAPES_PALETTE, label_id_table
from edgeseg.data.pairs import LabelCode, Pair, Pairs, existing_folder, images_in, need_labels

__all__ = ["DECLARATION", "open_dataset"]

DECLARATION = DatasetDeclaration(
    name="cityscapes",
    summary="Cityscapes layout: leftImg8bit/SPLIT/CITY with gtFine/SPLIT/CITY; without PATH, $CITYSCAPES_DATASET",
    splits=("val", "train"),
    calibration_split="train",
    extra="images",
    package="pillow",
)
_VARIABLE = "CITYSCAPES_DATASET"
_LAYOUT = "leftImg8bit/{0}/CITY/*_leftImg8bit.png with gtFine/{0}/CITY/*_gtFine_labelIds.png"


def _root(path: Path | None) -> Path:
    if path is not None:
        return path
    given = os.environ.get(_VARIABLE)
    if not given:
        raise InputError(f"cityscapes needs a folder; write cityscapes:PATH or set ${_VARIABLE}")
    return Path(given).expanduser()


def _label_ids() -> LabelCode:
    known = np.arange(256) <= 33
    known[255] = True
    return LabelCode(label_id_table(), known, "the label ids 0..33, or 255 for -1")


def open_dataset(options: DatasetOptions) -> Pairs:
    """The images of one split in the order of their names.

    labelIds are preferred; an image without takes its labelTrainIds. InputError names what is missing.
    """
    split = options.split or DECLARATION.splits[0]
    if split == "test":
        raise InputError("cityscapes: the test split is published without labels; use val or train")
    if split not in DECLARATION.splits:
        raise InputError(f"cityscapes has no split {split!r}; it has {' and '.join(DECLARATION.splits)}")
    layout = _LAYOUT.format(split)
    root = existing_folder(_root(options.path), f"a folder with {layout}")
    folder = root / "leftImg8bit" / split
    images, unread = images_in(folder, folder.glob("*/*_leftImg8bit.*"), layout, options)
    codes = {"labelIds": _label_ids(), "labelTrainIds": LabelCode.train_ids(len(CITYSCAPES_CLASSES))}
    pairs = [_pair(root / "gtFine" / split, image, codes) for image in images]
    need_labels(pairs)
    return Pairs("cityscapes", pairs, CITYSCAPES_CLASSES, CITYSCAPES_PALETTE, options.size, split, unread)


def _pair(labels: Path, image: Path, codes: dict[str, LabelCode]) -> Pair:
    stem = image.stem.removesuffix("_leftImg8bit")
    candidates = {kind: labels / image.parent.name / f"{stem}_gtFine_{kind}.png" for kind in codes}
    kind = next((kind for kind, label in candidates.items() if label.is_file()), "labelIds")
    return Pair(image, candidates[kind], codes[kind])
