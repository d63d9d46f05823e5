"""Images without labels: what calibration needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError
from edgeseg.core.protocols import IGNORE, Dataset

__all__ = ["Unlabelled", "as_dataset"]


class Unlabelled:
    """A Dataset without classes, of what `read` makes an image (H, W, 3) of; its labels are ignored everywhere.

    `unread` is how many files beside the images have which suffix that no image is read from.
    """

    classes: tuple[str, ...] = ()
    palette: tuple[tuple[int, int, int], ...] = ()

    def __init__(
        self,
        name: str,
        images: Sequence[Any],
        read: Callable[[Any], NDArray[np.uint8]],
        unread: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.name, self.images, self.read, self.unread = name, images, read, unread

    @property
    def files(self) -> list[Path]:
        """All that it is read from."""
        return [image for image in self.images if isinstance(image, Path)]

    @property
    def in_memory(self) -> list[NDArray[np.uint8]]:
        """Those of its images that it is made of."""
        return [image for image in self.images if isinstance(image, np.ndarray)]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        image = self.read(self.images[index])
        return image, np.full(image.shape[:2], IGNORE, np.uint8)

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        return map(self.__getitem__, range(len(self)))


def as_dataset(samples: Dataset | Iterable[NDArray[np.uint8]]) -> Dataset:
    """A Dataset as it is, RGB images in memory as one without labels; InputError for what is neither."""
    if hasattr(samples, "palette"):
        return cast("Dataset", samples)
    if not isinstance(samples, Iterable):
        raise InputError(f"samples of type {type(samples).__name__}: give a dataset's name, a Dataset, or RGB images")
    samples = list(samples)
    if not samples:
        raise InputError("no images given; at least 1 is needed")
    for number, image in enumerate(samples):
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
            raise InputError(f"image {number} of those given is {what}; give RGB images (H, W, 3) of uint8")
    return Unlabelled("the caller's own", samples, lambda image: image)
