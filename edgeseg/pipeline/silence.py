"""The Progress of a caller who does not want to know."""

from __future__ import annotations

__all__ = ["silent"]


def silent(what: str, done: int, total: int) -> None:
    """Say nothing."""
