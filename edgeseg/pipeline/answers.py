"""What a command has found so far, on disk, so that the same command can go on after it ended early."""

from __future__ import annotations

import json
from collections.abc import ItemsView, Iterable, Mapping
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
        self._write({**self._read(), _text(asked): answer})

    def forget(self, questions: Iterable[Mapping[str, Any]]) -> None:
        """Forget the answers to these questions, of each of which a part will do; the file goes with the last of all.

        A damaged file goes too. Raises WorkError or InputError where the system refuses.
        """
        parts = [json.loads(json.dumps(each)).items() for each in questions]
        try:
            left = {asked: answer for asked, answer in self._read().items() if not _is_any(asked, parts)}
        except InputError:
            left = {}
        if left:
            self._write(left)
        else:
            self.remove()

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

    def _write(self, answers: dict[str, Any]) -> None:
        atomic_write(self.path, json.dumps({"schema": SCHEMA, "answers": answers}) + "\n")


def _is_any(asked: str, parts: Iterable[ItemsView[str, Any]]) -> bool:
    values = json.loads(asked).items()
    return any(part <= values for part in parts)


def _text(asked: Mapping[str, Any]) -> str:
    return json.dumps({**asked, "edgeseg": metadata.version("edgeseg")}, sort_keys=True)
