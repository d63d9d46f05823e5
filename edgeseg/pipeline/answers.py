"""What a command has found so far, on disk, so that the same command can go on after it ended early."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from edgeseg.core.errors import InputError
from edgeseg.core.files import atomic_write, remove
from edgeseg.core.types import SCHEMA

__all__ = ["Answers"]


@dataclass(frozen=True)
class Answers:
    """One JSON file of answers by what was asked, both plain JSON values, for this version of edgeseg alone."""

    path: Path

    def get(self, asked: Mapping[str, Any]) -> Any:
        """The answer to this very question; None where there is none. InputError for a damaged file."""
        return self._read().get(_text(asked))

    def put(self, asked: Mapping[str, Any], answer: Any) -> None:
        """Keep an answer; raises WorkError where the system refuses to write."""
        answers = {**self._read(), _text(asked): answer}
        atomic_write(self.path, json.dumps({"schema": SCHEMA, "answers": answers}) + "\n")

    def remove(self) -> None:
        """Forget all; raises InputError where the system refuses."""
        remove(self.path)

    def damaged(self) -> InputError:
        """What is raised where an answer is not what was put there."""
        return InputError(f"{self.path}: cannot be read to go on from; delete it to begin anew")

    def _read(self) -> dict[str, Any]:
        if not self.path.exists():
            return {}
        try:
            values = json.loads(self.path.read_text(encoding="utf-8"))
            answers: dict[str, Any] = values["answers"] if values["schema"] == SCHEMA else {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self.damaged() from error
        if not isinstance(answers, dict):
            raise self.damaged()
        return answers


def _text(asked: Mapping[str, Any]) -> str:
    return json.dumps({**asked, "edgeseg": metadata.version("edgeseg")}, sort_keys=True)
