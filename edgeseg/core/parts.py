"""Everything that a finished file consists of: itself, and the files that hold weights of it."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterable
from pathlib import Path, PurePath

from edgeseg.core import onnx_wire
from edgeseg.core.errors import InputError

__all__ = ["mapped", "parts", "sha256_of"]


def parts(path: Path) -> list[Path]:
    """The file, then those in its folder that an ONNX file names as external data.

    Raises InputError for a file that is none, and where one of them is not there or outside the folder.
    """
    if path.suffix.lower() != ".onnx" or not path.stat().st_size:
        return [path]
    try:
        names = onnx_wire.external_files(mapped(path))
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
    for name in names:
        if PurePath(name).is_absolute() or ".." in PurePath(name).parts:
            raise InputError(
                f"{path}: keeps weights in {name}, and only what lies beside or below it is read; save anew"
            )
        if not (path.parent / name).is_file():
            raise InputError(f"{path}: its weights are not here; expected them in {path.parent / name}")
    return [path, *(path.parent / name for name in names)]


def mapped(path: Path) -> mmap.mmap:
    """A file's content, of which only what is looked at is read."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def sha256_of(paths: Iterable[Path]) -> str:
    """Of the files' contents one after the other, in hexadecimal."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()
