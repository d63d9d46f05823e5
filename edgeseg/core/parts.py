"""Everything that a finished file consists of: itself, and the files that hold weights of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from edgeseg.core import onnx_wire
from edgeseg.core.errors import InputError

__all__ = ["parts", "sha256_of"]


def parts(path: Path) -> list[Path]:
    """The file, then those that an ONNX file names as external data; InputError where one of them is not there."""
    if path.suffix.lower() != ".onnx":
        return [path]
    try:
        others = [path.with_name(name) for name in onnx_wire.external_files(path.read_bytes())]
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
    for other in others:
        if not other.is_file():
            raise InputError(f"{path}: its weights are not here; expected them in {other}")
    return [path, *others]


def sha256_of(paths: Iterable[Path]) -> str:
    """Of the files' contents one after the other, in hexadecimal."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()
