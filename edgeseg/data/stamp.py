"""Whether a dataset is still what it was."""

from __future__ import annotations

from hashlib import sha256

from edgeseg.core.protocols import Dataset

__all__ = ["stamp"]


def stamp(dataset: Dataset) -> str:
    """Other text as soon as there are other images, or one of the `files` that a dataset may have is written anew."""
    digest = sha256(f"{dataset.name} {len(dataset)}".encode())
    for path in getattr(dataset, "files", ()):
        seen = path.stat()
        digest.update(f"{path} {seen.st_size} {seen.st_mtime_ns}".encode())
    return digest.hexdigest()[:12]
