"""Rooms that carry the name of a verb of the Python API: `edgeseg.quantize(...)` is a call and a package."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["make_callable"]


class _Verb(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Do what `edgeseg.pipeline` does under this package's name."""
        return getattr(import_module("edgeseg.pipeline"), self.__name__.rpartition(".")[2])(*arguments, **options)


def make_callable(room: str) -> None:
    """Let the package `room` be called."""
    sys.modules[room].__class__ = _Verb
