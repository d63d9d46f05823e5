"""Scenes that are drawn once: a network is grown on them, quantized with them, and in each format again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgeseg import data
from edgeseg.core.protocols import Dataset
from edgeseg.core.types import Size

__all__ = ["COUNT", "scenes"]

COUNT = {"train": 16, "val": 4}
"""Images of the split that ranges are taken from, and of the other, on which noise is measured."""


class _Drawn:
    def __init__(self, dataset: Dataset) -> None:
        self.name, self.classes, self.palette = dataset.name, dataset.classes, dataset.palette
        self._samples = list(dataset)

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        return self._samples[index]

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        return iter(self._samples)


@lru_cache(4)
def scenes(split: Literal["train", "val"], size: Size) -> Dataset:
    """COUNT of the built-in scenes."""
    return _Drawn(data.open_dataset("scenes", split=split, size=size, limit=COUNT[split]))
