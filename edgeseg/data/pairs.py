"""Images and labels in files: what every dataset on disk is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError, NoImages
from edgeseg.core.protocols import IGNORE, DatasetOptions
from edgeseg.core.resize import resize_nearest
from edgeseg.core.types import Size
from edgeseg.data.images import read_image, read_label, resize_image

__all__ = ["IMAGE_SUFFIXES", "LabelCode", "Pair", "Pairs", "existing_folder", "images_in", "need_labels"]

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm")


@dataclass(frozen=True)
class LabelCode:
    """What the values of a label file mean: (256,) `table` to train ids, (256,) `known`, and the same in words."""

    table: NDArray[np.uint8]
    known: NDArray[np.bool_]
    words: str

    @classmethod
    def train_ids(cls, classes: int, void: int = IGNORE) -> LabelCode:
        """Train ids as they are, and one value for void."""
        table = np.full(256, IGNORE, np.uint8)
        table[:classes] = np.arange(classes)
        known = np.arange(256) < classes
        known[void] = True
        return cls(table, known, f"0..{classes - 1} or {void} for void")

    def decode(self, values: NDArray[np.uint8], path: Path) -> NDArray[np.uint8]:
        """(H, W) file values -> train ids; InputError names the file and the first value that means nothing."""
        unknown = ~self.known[values]
        if unknown.any():
            raise InputError(f"{path}: label value {values[unknown][0]} is out of range; expected {self.words}")
        return self.table[values]


@dataclass(frozen=True)
class Pair:
    """One image file with its label file."""

    image: Path
    label: Path
    code: LabelCode


class Pairs:
    """A dataset of files, read as they are asked for and resized to `size` where one is given.

    `unread` is how many files beside the images have which suffix that no image is read from.
    """

    def __init__(
        self,
        name: str,
        pairs: Sequence[Pair],
        classes: tuple[str, ...],
        palette: tuple[tuple[int, int, int], ...],
        size: Size | None,
        split: str,
        unread: Mapping[str, int],
    ) -> None:
        self.name, self.classes, self.palette = name, classes, palette
        self.pairs, self.size, self.split, self.unread = tuple(pairs), size, split, unread

    @property
    def files(self) -> list[Path]:
        """All that it is read from."""
        return [path for pair in self.pairs for path in (pair.image, pair.label)]

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        if not 0 <= index < len(self.pairs):
            raise IndexError(f"sample {index} of {len(self.pairs)}")
        pair = self.pairs[index]
        image, label = read_image(pair.image), pair.code.decode(read_label(pair.label), pair.label)
        if image.shape[:2] != label.shape:
            raise InputError(
                f"{pair.label}: label of {_extent(label)} for an image of {_extent(image)} ({pair.image.name}); "
                "both must have the same size"
            )
        if self.size is None or label.shape == (self.size.height, self.size.width):
            return image, label
        return resize_image(image, self.size), resize_nearest(label, self.size)

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        return map(self.__getitem__, range(len(self.pairs)))


def _extent(pixels: NDArray[np.uint8]) -> str:
    return f"{pixels.shape[0]}x{pixels.shape[1]}"


def existing_folder(path: Path, expected: str) -> Path:
    """The path, if it is a folder; else InputError with the layout that was expected."""
    if not path.is_dir():
        raise InputError(f"{path}: no such folder; expected {expected}")
    return path


def need_labels(pairs: Sequence[Pair]) -> None:
    """Raise InputError where two images have one label, or labels are not there: the first and how many more."""
    counts = Counter(pair.label for pair in pairs)
    if twice := next((pair.image for pair in pairs if counts[pair.label] > 1), None):
        raise InputError(f"{twice.with_suffix('')}: two images of that name, but one label; take one out or rename it")
    if missing := [pair for pair in pairs if not pair.label.is_file()]:
        first, others = missing[0], len(missing) - 1
        more = f", nor have {others} of the others one" if others else ""
        like = sorted(first.label.parent.glob(f"{escape(first.label.stem)}[._-]*"))
        instead = f" ({like[0].name} is there)" if like else ""
        raise InputError(f"{first.image}: image without a label; expected {first.label}{instead}{more}")


def _is_file(path: Path) -> bool:
    """InputError for a link to nothing, rather than fewer images in silence."""
    if path.is_symlink() and not path.exists():
        raise InputError(f"{path}: a link to a file that is not there; fetch what it names, or remove the link")
    return path.is_file()


def images_in(
    folder: Path, files: Iterable[Path], expected: str, options: DatasetOptions
) -> tuple[list[Path], dict[str, int]]:
    """The images among a folder's files by name, as many as `limit`, and how many others have which suffix.

    InputError with the expected layout if there is no image.
    """
    seen = [path for path in files if path.name[0] != "."]
    found = sorted(path for path in seen if path.suffix.lower() in IMAGE_SUFFIXES and _is_file(path))
    others = [path for path in seen if path.suffix.lower() not in IMAGE_SUFFIXES and path.is_file()]
    unread = dict(Counter(path.suffix.lower() or "without suffix" for path in others).most_common())
    if not found:
        beside = f" among {', '.join(f'{count} {suffix}' for suffix, count in unread.items())}" if unread else ""
        raise NoImages(f"{folder}: empty dataset, no image found{beside}; expected {expected}")
    count = min(options.limit or len(found), len(found))
    if options.spread:
        return [found[index * len(found) // count] for index in range(count)], unread
    return found[:count], unread
