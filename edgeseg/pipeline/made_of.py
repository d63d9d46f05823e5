"""What a MODEL is made of, so that what was kept of it is an answer only as long as nothing of that changed."""

from __future__ import annotations

import sys
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


def _code(module: str) -> Iterator[Path]:
    """The package's code, or that of all modules beside a module, for it may import them."""
    sys.path.insert(0, str(Path.cwd()))
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        spec = None
    finally:
        del sys.path[0]
    if spec and spec.submodule_search_locations:
        for folder in spec.submodule_search_locations:
            yield from sorted(Path(folder).rglob("*.py"))
    elif spec and spec.origin:
        yield from sorted(Path(spec.origin).parent.glob("*.py"))


def _given(path: Path) -> list[Path]:
    """A file, or those of a TensorFlow checkpoint, which is given by what their names begin with."""
    return [path] if path.is_file() else sorted(each for each in path.parent.glob(f"{path.name}.*") if each.is_file())
