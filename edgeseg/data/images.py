"""Reading, resizing and writing image files with Pillow."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from edgeseg.core.errors import InputError
from edgeseg.core.files import atomic_path
from edgeseg.core.types import Size

__all__ = ["read_image", "read_label", "resize_image", "write_png"]

_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)

_SCALED = {"L;2": 85, "L;4": 17}
"""What Pillow multiplies grey values of fewer bits by, as brightness and not as ids."""


def _open(path: Path, what: str) -> tuple[Image.Image, str]:
    """The picture, and the mode that its file has it in."""
    try:
        with Image.open(path) as picture:
            stored = str(picture.tile[0].args) if picture.tile else picture.mode
            picture.load()
            return picture, stored
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such {what}") from error
    except _UNREADABLE as error:
        raise InputError(f"{path}: unreadable or truncated {what} ({error}); copy it anew or take it out") from error


def read_image(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) RGB, upright where its EXIF tells how it was held; an alpha channel is dropped.

    InputError names a file that cannot be read or is not of 8 bits.
    """
    picture = _upright(_open(path, "image")[0])
    if picture.mode.partition(";")[0] in ("I", "F"):
        raise InputError(f"{path}: image of mode {picture.mode}, of more than 8 bits a channel; convert it to 8 bits")
    return np.asarray(picture.convert("RGB"))


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except _UNREADABLE:  # Its EXIF is damaged and tells nothing; the pixels are whole.
        return picture


def read_label(path: Path) -> NDArray[np.uint8]:
    """(H, W) values of a single-channel file of up to 8 bits, palette indices included.

    InputError names a file that cannot be read or holds colours instead.
    """
    picture, stored = _open(path, "label")
    if picture.mode not in ("1", "L", "P"):
        raise InputError(f"{path}: label of mode {picture.mode}; expected one 8-bit channel of class ids")
    return np.asarray(picture, np.uint8) // _SCALED.get(stored, 1)


def resize_image(image: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """(H, W, 3) -> (size.height, size.width, 3), bilinear, with a filter as wide as the reduction."""
    resized = Image.fromarray(image).resize((size.width, size.height), Image.Resampling.BILINEAR)
    return np.asarray(resized)


def write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write (H, W) or (H, W, 3) whole or not at all; WorkError where the system refuses."""
    with atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG", compress_level=3)
