"""Whether a dataset is still what it was."""

from __future__ import annotations

from hashlib import sha256

from edgeseg.core.protocols import Dataset

__all__ = ["stamp"]


def stamp(dataset: Dataset) -> str:
    """Other text as soon as there are other images, as far as a dataset has `files` or holds them `in_memory`."""
    digest = sha256(f"{dataset.name} {len(dataset)}".encode())
    for path in getattr(dataset, "files", ()):
        seen = path.stat()
        digest.update(f"{path} {seen.st_size} {seen.st_mtime_ns}".encode())
    for image in getattr(dataset, "in_memory", ()):
        digest.update(image.tobytes())
    return digest.hexdigest()[:12]
