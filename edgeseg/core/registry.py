"""Discovery by file name: a room's files are its members, and what they declare is read without importing them."""

from __future__ import annotations

import ast
import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, TypeVar

from edgeseg.core import protocols, types
from edgeseg.core.errors import InputError, MissingDependency
from edgeseg.core.quiet import quiet

__all__ = ["declarations", "installed", "load", "suggest"]

T = TypeVar("T")

_LISTED = 80
"""Names that an error lists at most."""

_DECLARABLE: dict[str, type[Any]] = {
    cls.__name__: cls
    for cls in (
        types.Card,
        types.Published,
        types.Normalization,
        types.Size,
        protocols.RuntimeDeclaration,
        protocols.ExporterDeclaration,
        protocols.QuantizerDeclaration,
        protocols.DatasetDeclaration,
    )
}


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _DECLARABLE:
        arguments = {k.arg: _value(k.value) for k in node.keywords if k.arg is not None}
        return _DECLARABLE[node.func.id](*map(_value, node.args), **arguments)
    return ast.literal_eval(node)


def _declared(path: Path, kind: type[T]) -> Iterator[T]:
    for statement in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
        call = getattr(statement, "value", None)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == kind.__name__:
            yield _value(call)


def _members(room: str) -> dict[str, Path]:
    spec = importlib.util.find_spec(room)
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    return {p.stem: p for folder in folders for p in sorted(Path(folder).glob("*.py")) if p.stem != "__init__"}


@cache
def declarations(room: str, kind: type[T]) -> Mapping[str, tuple[str, T]]:
    """Everything of `kind` that the files of the package `room` declare, as name -> (file's stem, declaration).

    The name is the declaration's own `name` where it has one, else the file's. A name that two declare raises
    ValueError.
    """
    found: dict[str, tuple[str, T]] = {}
    for stem, path in _members(room).items():
        for declared in _declared(path, kind):
            name = getattr(declared, "name", stem)
            if name in found:
                raise ValueError(f"{room}: {name!r} is declared in {found[name][0]}.py and in {stem}.py")
            found[name] = (stem, declared)
    return MappingProxyType(found)


def installed(package: str) -> bool:
    """Whether a package can be imported, without importing it."""
    return importlib.util.find_spec(package) is not None


def load(room: str, stem: str, *, package: str | None = None, extra: str = "all", why: str = "") -> ModuleType:
    """Import one file of a room; MissingDependency where the package that it is named after is absent."""
    try:
        with quiet():
            return importlib.import_module(f"{room}.{stem}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("edgeseg"):
            raise
        raise MissingDependency(package or error.name, extra, why or f"{room}.{stem}") from error


def suggest(kind: str, name: str, known: list[str]) -> InputError:
    """An InputError for a name that is not known, with those that come near it."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=3)
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(known)[:_LISTED])}{more}"
    return InputError(f"no {kind} {name!r}; {hint}")
