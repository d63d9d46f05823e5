"""The one error tree. A message says what was wrong, where, and what would work.

EdgesegError
├── InputError             exit 2: what the user gave cannot be used
│   ├── MissingDependency  exit 2: an optional package is absent; names the extra that installs it
│   └── NoImages           exit 2: a dataset, or the split of it that was asked for, has none
└── WorkError              exit 1: the work was started and failed
    ├── ExportError
    │   └── ParityError    the exported file is not the same function
    ├── QuantizeError
    ├── MeasureError
    └── TrainError
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = [
    "EdgesegError",
    "ExportError",
    "InputError",
    "MeasureError",
    "MissingDependency",
    "NoImages",
    "ParityError",
    "QuantizeError",
    "TrainError",
    "WorkError",
    "first_line",
    "told_of",
]


class EdgesegError(Exception):
    """Anything edgeseg says no to; `exit_code` is what the command line ends with."""

    exit_code = 1


class InputError(EdgesegError):
    """A model, file, dataset or option that cannot be used."""

    exit_code = 2


class MissingDependency(InputError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str, why: str) -> None:
        super().__init__(f"{why} needs the package {package}: pip install 'edgeseg[{extra}]'")


class NoImages(InputError):
    """A folder, or the split of it that was asked for, holds no images."""


class WorkError(EdgesegError):
    """Work that was started on good input and failed."""


class ExportError(WorkError):
    """A network could not be written in the wanted format."""


class ParityError(ExportError):
    """An exported file does not compute what its source computes."""


class QuantizeError(WorkError):
    """A file could not be quantized, or came out not quantized."""


class MeasureError(WorkError):
    """A measurement failed."""


class TrainError(WorkError):
    """Training failed."""


@contextmanager
def told_of(path: Path, temporary: Path) -> Iterator[None]:
    """Errors about a file that is made on the way name the one that it is made of."""
    try:
        yield
    except EdgesegError as error:
        error.args = (str(error).replace(str(temporary), str(path)),)
        raise


def first_line(error: BaseException) -> str:
    """What a foreign error says, short enough for one line of ours."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(" .") if lines else type(error).__name__
