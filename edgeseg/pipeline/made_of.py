"""What a MODEL is made of, so that what was kept of it is an answer only as long as nothing of that changed."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from edgeseg import models
from edgeseg.core.errors import InputError
from edgeseg.core.parts import parts, sha256_of
from edgeseg.core.source import Source
from edgeseg.models import third_party
from edgeseg.pipeline.sources import is_file

__all__ = ["digest"]

_INSTALLED = ("site-packages", "dist-packages")
"""Folders in which what lies beside a package is no part of it."""


def digest(source: Source) -> str:
    """SHA-256 of the files that a MODEL is read from: itself or its code, weights and cell.

    Empty where they cannot be read, of which nothing comes that could be kept.
    """
    try:
        return sha256_of(_files(source))
    except (InputError, OSError):
        return ""


def _files(source: Source) -> Iterator[Path]:
    target, path = source.target, Path(source.target)
    if is_file(target):
        yield from parts(path) if path.is_file() else ()
    elif target not in models.names() and not third_party.is_third_party(target):
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.is_file())
        elif path.is_file():
            yield path
        else:
            yield from _code(target.partition(":")[0].partition(".")[0])
    for given in (source.weights, source.cell):
        if given:
            yield from _given(Path(given))


def _code(module: str) -> list[Path]:
    """All code of a module or package, and of those beside it that its import statements name, and theirs."""
    sys.path.insert(0, str(Path.cwd()))
    try:
        beside = {place.parent for place in _places(module) if place.parent.name not in _INSTALLED}
        names, files = [module], list[Path]()
        for name in names:
            places = [place for place in _places(name) if name == module or place.parent in beside]
            new = [file for place in places for file in _python(place)]
            files += new
            names += sorted({imported for file in new for imported in _imported(file)}.difference(names))
        return files
    finally:
        del sys.path[0]


def _places(module: str) -> list[Path]:
    """A module's file, or the folders of a package."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [Path(folder) for folder in spec.submodule_search_locations]
    return [Path(spec.origin)] if spec.has_location and spec.origin else []


def _python(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


def _imported(file: Path) -> Iterator[str]:
    """The modules and packages that a file imports, but for its own package by relative imports."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (each.name.partition(".")[0] for each in names)
            case ast.ImportFrom(module=str(name), level=0):
                yield name.partition(".")[0]


def _given(path: Path) -> list[Path]:
    """A file, or those of a TensorFlow checkpoint, which is given by what their names begin with."""
    return [path] if path.is_file() else sorted(each for each in path.parent.glob(f"{path.name}.*") if each.is_file())
