"""The reports of `edgeseg gate`: the files asked for, and what GitHub shows."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeseg.cli.console import say, warn
from edgeseg.core.errors import EdgesegError, InputError
from edgeseg.core.files import atomic_write, need_writable, remove

if TYPE_CHECKING:
    from edgeseg.bench.gates.gate import GateVerdict

__all__ = ["Reports"]


@dataclass(frozen=True)
class Reports:
    """The files that `--json` and `--junit` name."""

    json: Path | None
    junit: Path | None

    def check(self, measured: Iterable[Path]) -> None:
        """Raise InputError for places that no report can be written to, or that hold what is measured."""
        files = [path.resolve() for path in measured]
        for name, path in (("--json", self.json), ("--junit", self.junit)):
            if path and (path.suffix.lower() in (".onnx", ".tflite") or path.resolve() in files):
                raise InputError(f"{name} {path}: a file to measure, which the report would replace; give another name")
            if path:
                need_writable(path, name)
        if self.json and self.junit and self.json.resolve() == self.junit.resolve():
            problem = f"--json and --junit {self.json}: one would overwrite the other"
            raise InputError(f"{problem}; give each a file of its own")

    def clear(self) -> None:
        """Remove those of another run, which would stand for those of this one if it is killed."""
        for report in filter(None, (self.json, self.junit)):
            remove(report)

    def write(self, verdict: GateVerdict) -> bool:
        """Write what was asked for, and tell GitHub; whether all files are written, for the verdict outlives that."""
        from edgeseg.bench.gates.gate_tables import gate_json, gate_junit

        is_whole = True
        for path, written in ((self.json, gate_json), (self.junit, gate_junit)):
            try:
                if path:
                    atomic_write(path, written(verdict))
            except EdgesegError as error:
                warn(f"edgeseg: {error}")
                is_whole = False
        _tell_github(verdict)
        return is_whole


def _tell_github(verdict: GateVerdict) -> None:
    """Where the command is a step of GitHub Actions: its summary, and what shows beside the change."""
    from edgeseg.bench.gates.gate_tables import gate_markdown, github_commands

    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in github_commands(verdict):
            say(line)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(summary).open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(gate_markdown(verdict) + "\n")
        except OSError as error:
            warn(f"edgeseg: cannot write the summary to {summary}: {error.strerror}")
