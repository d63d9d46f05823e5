"""Work in another process, so that a tool that fails, or dies, is a reason and not the end."""

from __future__ import annotations

import multiprocessing
import re
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from types import TracebackType
from typing import Any, Self

from edgeseg.core.errors import EdgesegError, first_line
from edgeseg.core.files import atomic_write
from edgeseg.core.quiet import quiet

__all__ = ["Apart", "Failed"]

_REASON = 160
"""Characters of a reason, which has to go into a cell."""
_FOLDERS = re.compile(r"/\S+/")
"""Of this machine, which no reader of a table has."""


@dataclass(frozen=True)
class Failed:
    """Why there is no result."""

    reason: str


class Apart:
    """Calls functions, silently, in one other process; the call after one that it died of starts another.

    A context manager that ends the process.
    """

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    def call(self, function: Callable[..., Any], *arguments: object) -> Any:
        """What the function returns, or Failed. It and all values must be such as can be pickled."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        try:
            return self._pool.submit(_attempt, function, arguments).result()
        except BrokenProcessPool:
            self._pool = None
            return Failed("the process died")

    def make(self, path: Path, function: Callable[..., Any], *arguments: object) -> Path | Failed:
        """Have a function write a file, given to it last, unless the file is there or an earlier run failed to.

        A failure is kept beside where the file would be, as `.failed`; without that it is tried again.
        """
        note = path.with_name(f"{path.name}.failed")
        if not path.exists() and not note.exists():
            result = self.call(function, *arguments, path)
            if isinstance(result, Failed):
                atomic_write(note, result.reason)
        return path if path.exists() else Failed(note.read_text(encoding="utf-8"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown()


def _attempt(function: Callable[..., Any], arguments: tuple[object, ...]) -> Any:
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*arguments)
    except Exception as error:
        kind = "" if isinstance(error, EdgesegError) else f"{type(error).__name__}: "
        return Failed(shorten(kind + _FOLDERS.sub("", first_line(error)), _REASON))
