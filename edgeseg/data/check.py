"""Looking through a whole dataset for what is in it and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from edgeseg.core.errors import InputError
from edgeseg.core.protocols import IGNORE, Dataset, Progress
from edgeseg.core.types import Size

__all__ = ["Summary", "check"]


@dataclass(frozen=True)
class Summary:
    """What a dataset holds. Shares are of the pixels that are not ignored."""

    name: str
    images: int
    """How many could be read."""
    sizes: tuple[tuple[Size, int], ...]
    """Each with its number of images, most frequent first."""
    class_percent: tuple[tuple[str, float], ...]
    class_images: tuple[int, ...]
    """In how many images each class occurs."""
    ignored_percent: float
    """Of all pixels."""
    problems: tuple[str, ...]


def check(dataset: Dataset, progress: Progress) -> Summary:
    """Read every sample; one that cannot be used becomes a line of `problems` and the rest go on."""
    sizes: Counter[Size] = Counter()
    problems: list[str] = []
    pixels = np.zeros(256, np.int64)
    occurs = np.zeros(256, np.int64)
    for index in range(len(dataset)):
        try:
            _, label = dataset[index]
        except InputError as error:
            problems.append(str(error))
        else:
            counted = np.bincount(label.ravel(), minlength=256)
            pixels += counted
            occurs += counted > 0
            sizes[Size(*label.shape)] += 1
        progress("checking", index + 1, len(dataset))
    classes = len(dataset.classes)
    labelled = pixels[:classes].sum()
    shares = 100 * pixels[:classes] / max(labelled, 1)
    if classes and sizes and not labelled:
        problems.append(f"{dataset.name}: every pixel of every label is ignored")
    elif classes > 1 and sum(pixels[:classes] > 0) == 1 and pixels[IGNORE]:
        only = dataset.classes[int(pixels[:classes].argmax())]
        problems.append(
            f"{dataset.name}: all labels are {only} or ignored; a class stored as {IGNORE}, as in masks of 0 and 255, "
            "is void here: store its id"
        )
    return Summary(
        name=dataset.name,
        images=sizes.total(),
        sizes=tuple(sizes.most_common()),
        class_percent=tuple(zip(dataset.classes, shares.tolist(), strict=True)),
        class_images=tuple(occurs[:classes].tolist()),
        ignored_percent=float(100 * (1 - labelled / max(pixels.sum(), 1))),
        problems=tuple(problems),
    )
