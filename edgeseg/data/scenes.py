"""Built-in data: procedural street scenes with the 19 Cityscapes classes, made as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError
from edgeseg.core.protocols import DatasetDeclaration, DatasetOptions
from edgeseg.core.types import Size
from edgeseg.data.labels import CITYSCAPES_CLASSES, CITYSCAPES_PALETTE
from edgeseg.data.street.compose import render

__all__ = ["DECLARATION", "Scenes", "open_dataset"]

DECLARATION = DatasetDeclaration(
    name="scenes",
    summary="built-in procedural street scenes, 19 Cityscapes classes, any size",
    splits=("val", "train"),
    calibration_split="train",
)
_LENGTH = {"val": 100, "train": 2000}
_STREAM = {"val": 1, "train": 2}


class Scenes:
    """Scene `index` follows from seed, split and index alone; the same street at every size."""

    name = "scenes"
    classes = CITYSCAPES_CLASSES
    palette = CITYSCAPES_PALETTE

    def __init__(self, split: str, length: int, size: Size, seed: int) -> None:
        self.split, self.size, self.seed = split, size, seed
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        if not 0 <= index < self._length:
            raise IndexError(f"scene {index} of {self._length}")
        entropy = np.random.SeedSequence([self.seed, _STREAM[self.split], index])
        return render(self.size, np.random.Generator(np.random.PCG64(entropy)))

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        return map(self.__getitem__, range(self._length))


def open_dataset(options: DatasetOptions) -> Scenes:
    """Scenes of one split; `limit` sets how many, more than the default length included."""
    split = options.split or DECLARATION.splits[0]
    if split not in _LENGTH:
        raise InputError(f"scenes has no split {split!r}; it has {' and '.join(DECLARATION.splits)}")
    if options.path is not None:
        raise InputError(
            f"scenes takes no path, got {options.path}; write scenes alone, or use cityscapes:{options.path}"
        )
    return Scenes(split, options.limit or _LENGTH[split], options.size or Size(512, 1024), options.seed)
