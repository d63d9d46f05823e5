"""Datasets as the other rooms want them: prepared batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeseg import data
from edgeseg.core.errors import InputError, NoImages
from edgeseg.core.protocols import Dataset
from edgeseg.core.types import InputFacts, Size
from edgeseg.data.stamp import stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "DEFAULT_DATA",
    "UNMEASURED",
    "Batches",
    "calibration_note",
    "calibration_stamp",
    "evaluation_note",
    "evaluation_stamp",
    "open_calibration",
    "open_evaluation",
    "prepared",
    "repeated",
]

DEFAULT_DATA = "scenes"
UNMEASURED = "measure no accuracy (bench and run: --no-accuracy)"
"""What is left to do where there are no labels that fit."""


def open_evaluation(text: str, split: str | None, size: Size | None, limit: int | None) -> Dataset:
    """What accuracy is measured on, at a size or at the images' own; InputError for images without labels."""
    dataset = data.open_dataset(text, split=split, size=size, limit=limit)
    if not dataset.classes:
        raise InputError(f"{text}: images without labels; give --data that has them, or {UNMEASURED}")
    return dataset


def open_calibration(text: str, split: str | None, size: Size | None, limit: int) -> Dataset:
    """The images that ranges are taken from.

    They are of the split named, else of the dataset's calibration split; where that has none, of the one that it
    declares first, which `calibration_note` tells.
    """
    wanted = split or _declared_split(text)
    try:
        return data.open_dataset(text, split=wanted, size=size, limit=limit, spread=True)
    except NoImages:
        if split is not None:
            raise
        return data.open_dataset(text, size=size, limit=limit, spread=True)


def calibration_note(text: str, split: str | None) -> str | None:
    """What to tell of data that is calibrated on for want of a split; None where there is nothing to tell.

    Raises InputError for data that cannot be used.
    """
    wanted = None if split else _declared_split(text)
    if wanted is None:
        return None
    try:
        data.open_dataset(text, split=wanted, limit=1)
    except NoImages:
        data.open_dataset(text, limit=1)
        return f"{text}: no images for {wanted}, so calibration takes those that accuracy is measured on"
    return None


def evaluation_note(text: str) -> str | None:
    """What to tell of data whose accuracy is measured on calibration images for want of a split; None of other data.

    Raises InputError for data that cannot be used.
    """
    declared = data.declarations().get(text.partition(":")[0])
    if declared is None:
        return None
    try:
        data.open_dataset(text, split=declared.splits[0], limit=1)
    except NoImages:
        data.open_dataset(text, limit=1)
        return f"{text}: no images for {declared.splits[0]}, so accuracy is measured on those that calibration takes"
    return None


def _declared_split(text: str) -> str | None:
    declared = data.declarations().get(text.partition(":")[0])
    return declared.calibration_split if declared else None


def evaluation_stamp(text: str | None, split: str | None, limit: int | None) -> str | None:
    """Other text as soon as accuracy is measured on other images or labels; None where it is not measured."""
    return stamp(open_evaluation(text, split, None, limit)) if text else None


def calibration_stamp(text: str, split: str | None, limit: int) -> str | None:
    """The like of the images that ranges are taken from; None where these cannot be read, or need not be any more."""
    try:
        return stamp(open_calibration(text, split, None, limit))
    except InputError:
        return None


def prepared(dataset: Dataset, facts: InputFacts) -> Iterator[NDArray[Any]]:
    """Batches of one image each, in the layout and dtype of `facts`."""
    from edgeseg.data.preprocess import Preprocessor

    prepare = Preprocessor(facts)
    for image, _ in dataset:
        yield prepare(image)


@dataclass(frozen=True)
class Batches:
    """Prepared batches that can be gone through more than once; each is filled by repeating its image."""

    dataset: Dataset
    facts: InputFacts

    def __iter__(self) -> Iterator[NDArray[Any]]:
        for batch in prepared(self.dataset, self.facts):
            yield repeated(batch, self.facts)


def repeated(image: NDArray[Any], facts: InputFacts) -> NDArray[Any]:
    """A prepared image as often as the file takes at a time."""
    return image.repeat(facts.batch, axis=0) if facts.batch > 1 else image
