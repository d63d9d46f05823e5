"""Which files PyTorch wrote, whatever they are called: `.pth.tar`, `.ckpt` and `.bin` are as common as `.pth`."""

from __future__ import annotations

from pathlib import Path

__all__ = ["is_torch_file"]

_SUFFIXES = (".pth", ".pt")
_OTHERS = (".ckpt", ".bin", ".tar", ".pkl", ".model", "")
_BEGINNINGS = (b"PK\x03\x04", b"\x80\x02")
"""Of a ZIP archive, and of a pickle, which files of PyTorch before 1.6 are."""


def is_torch_file(path: Path) -> bool:
    """Whether it is, or is meant to be, a checkpoint of PyTorch."""
    suffix = path.suffix.lower()
    if suffix in _SUFFIXES or suffix not in _OTHERS or not path.is_file():
        return suffix in _SUFFIXES
    with path.open("rb") as file:
        return file.read(4).startswith(_BEGINNINGS)
