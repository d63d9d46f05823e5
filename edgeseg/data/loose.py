"""Anyone's images, as they lie in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError
from edgeseg.core.protocols import DatasetDeclaration, DatasetOptions
from edgeseg.data.images import read_image, resize_image
from edgeseg.data.pairs import IMAGE_SUFFIXES, existing_folder, images_in
from edgeseg.data.unlabelled import Unlabelled

__all__ = ["DECLARATION", "open_dataset"]

DECLARATION = DatasetDeclaration(
    name="images",
    summary="a folder of images, with all that are in folders inside it, without labels: to calibrate with",
    splits=("all",),
    calibration_split="all",
    extra="images",
    package="pillow",
)
_LAYOUT = f"a folder of images ({', '.join(IMAGE_SUFFIXES)})"
_LABELS_BESIDE = {"masks": "images", "gtFine": "leftImg8bit", "gtCoarse": "leftImg8bit"}
"""Folders of labels, and of the images that they are of. SegNet's are called SPLITannot and SPLIT."""


def open_dataset(options: DatasetOptions) -> Unlabelled:
    """The images in the order of their paths; InputError names what is missing."""
    if options.path is None:
        raise InputError("images needs a path; write images:PATH")
    if options.split not in (None, *DECLARATION.splits):
        raise InputError(
            f"images has no split {options.split!r} and no labels; a dataset that has, such as folder:PATH, is needed"
        )
    folder = existing_folder(options.path, _LAYOUT)
    paths, unread = images_in(folder, _files(folder), _LAYOUT, options)

    def read(path: Path) -> NDArray[np.uint8]:
        image = read_image(path)
        return resize_image(image, options.size) if options.size else image

    return Unlabelled("images", paths, read, unread)


def _files(folder: Path) -> Iterator[Path]:
    """Those in a folder and in all inside it, linked ones too, where each folder is entered once.

    InputError for a dataset's folders of images and labels side by side.
    """
    entered = {folder.resolve()}
    for place, inside, names in os.walk(folder, followlinks=True):
        for name in inside:
            images = _LABELS_BESIDE.get(name, name.removesuffix("annot"))
            if images != name and images in inside:
                remedy = f"give images:{Path(place, images)}, or name the dataset by its own layout"
                raise InputError(f"{Path(place, name)}: labels, which would be taken for images; {remedy}")
        yield from (Path(place, name) for name in names)
        reals = {Path(place, name).resolve(): name for name in sorted(inside, reverse=True)}
        inside[:] = [name for real, name in reversed(reals.items()) if real not in entered]
        entered.update(reals)
