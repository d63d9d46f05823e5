"""Which candidate is held against which baseline."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgeseg.bench.comparison.records import read_records
from edgeseg.core.errors import InputError
from edgeseg.core.record import Record
from edgeseg.pipeline.sources import is_file

__all__ = ["Pair", "pairs_of"]


@dataclass(frozen=True)
class Pair:
    """A candidate and what it is held against: a file, a stored Record, or `failure`, which says why there is none."""

    name: str
    baseline: Path | Record | None = None
    candidate: Path | None = None
    failure: str | None = None


def pairs_of(baseline: Path, candidate: Path) -> list[Pair]:
    """What is to be held against what; raises InputError where there is nothing."""
    for path in (baseline, candidate):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder; give an .onnx or .tflite file, or a folder of them")
    if baseline.suffix == ".json":
        return _of_records(baseline, candidate)
    if baseline.is_dir() != candidate.is_dir():
        records = baseline / "records.json"
        also = f", or {records} as the baseline" if records.is_file() else ""
        raise InputError(f"{baseline} and {candidate}: give two files or two folders{also}")
    old, new = _files(baseline), _files(candidate)
    if not baseline.is_dir():
        return [Pair(candidate.name, baseline, candidate)]
    return [
        Pair(name, old.get(name), new.get(name), _missing(name, baseline, old) or _missing(name, candidate, new))
        for name in sorted(old.keys() | new.keys())
    ]


def _files(path: Path) -> dict[str, Path]:
    """Files by name; those of a folder by their place in it."""
    if not path.is_dir():
        if not is_file(str(path)):
            raise InputError(f"{path}: not an .onnx or .tflite file; export it first")
        return {path.name: path}
    found = {str(each.relative_to(path)): each for each in sorted(_inside(path)) if is_file(str(each))}
    if not found:
        raise InputError(f"{path}: holds no .onnx or .tflite file, so there is nothing to compare")
    return found


def _inside(folder: Path) -> Iterator[Path]:
    """All that is in a folder and those in it, but what is hidden; links too, of which one may lead nowhere."""
    try:
        inside = [each for each in folder.iterdir() if not each.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}; what it holds could not be compared") from error
    for each in inside:
        if not each.is_dir():
            yield each
        elif not folder.resolve().is_relative_to(each.resolve()):  # Or a link to a folder around it has no end.
            yield from _inside(each)


def _missing(name: str, where: Path, found: Container[str]) -> str | None:
    return None if name in found else f"no {name} in {where}"


def _of_records(path: Path, candidate: Path) -> list[Pair]:
    stored, files = read_records(path), list(_files(candidate).values())
    if len(stored) == len(files) == 1 and candidate.is_file():
        return [Pair(files[0].name, stored[0], files[0])]
    old, new = {record.name: record for record in stored}, {file.name: file for file in files}
    if len(old) < len(stored) or len(new) < len(files):
        raise InputError(f"{path} and {candidate}: several of one name, so it is not clear what to compare with what")
    return [
        Pair(name, old.get(name), new.get(name), _missing(name, path, old) or _missing(name, candidate, new))
        for name in sorted(old.keys() | new.keys())
    ]
