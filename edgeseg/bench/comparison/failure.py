"""What could not be measured, beside what was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Failure"]


@dataclass(frozen=True)
class Failure:
    """An artifact that could not be measured, and why."""

    name: str
    reason: str

    @classmethod
    def of(cls, name: str, error: Exception) -> Failure:
        """The reason is the error's message, less the file at its beginning where that has this name."""
        subject, _, rest = str(error).partition(": ")
        return cls(name, rest if Path(subject).name == name else str(error))
