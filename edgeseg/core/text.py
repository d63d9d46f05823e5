"""Text from elsewhere, as of a file's name, where it is shown."""

from __future__ import annotations

__all__ = ["one_line"]

_HALVES = "\ud800", "\udfff"
"""Of surrogate pairs: what stands for the bytes of a name that is no UTF-8, and is written as such."""


def one_line(text: str) -> str:
    """Without line ends and what else a terminal, XML or GitHub would take for a command."""
    low, high = _HALVES
    return "".join(letter if letter.isprintable() or low <= letter <= high else " " for letter in text)
