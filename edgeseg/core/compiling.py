"""Compiling loops with numba, which the file that has the loops hands over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["compiled_by"]

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled_by(njit: Callable[..., Any]) -> Callable[[Function], Function]:
    """A decorator: compiled once and kept on disk; in every process where there is no folder to keep it in."""

    def compiled(function: Function) -> Function:
        try:
            made: Function = njit(cache=True, nogil=True)(function)
        except RuntimeError:
            made = njit(nogil=True)(function)
        return made

    return compiled
