"""Rooms that carry the name of a verb of the Python API: `edgeseg.quantize(...)` is a call and a package."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["make_callable"]


class _Verb(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Do what `edgeseg.pipeline` does under this package's name."""
        return self._verb(*arguments, **options)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._verb)

    @property
    def _verb(self) -> Callable[..., Any]:
        verb: Callable[..., Any] = getattr(import_module("edgeseg.pipeline"), self.__name__.rpartition(".")[2])
        return verb


def make_callable(room: str) -> None:
    """Let the package `room` be called."""
    sys.modules[room].__class__ = _Verb
