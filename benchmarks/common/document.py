"""Tables in Markdown, and where they go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from edgeseg.core.errors import InputError
from edgeseg.core.files import atomic_write

__all__ = ["check_markers", "number", "replace_between", "row", "table"]

_END = "<!-- end of tables -->"


def row(cells: Iterable[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table whose columns are numbers but for the first."""
    return [row(header), row(["---", *["---:"] * (len(header) - 1)]), *map(row, rows)]


def number(value: float | str, form: str = ".1f") -> str:
    """A cell: a number in its form, or the reason why there is none."""
    return value if isinstance(value, str) else format(value, form)


def check_markers(document: Path, script: str) -> None:
    """Raise InputError where a document has no place for a script's tables."""
    text = document.read_text(encoding="utf-8")
    if _END not in text.partition(_start(script))[2]:
        raise InputError(f"{document}: no place for the tables; put `{_start(script)}` and `{_END}` in it, a line each")


def replace_between(document: Path, script: str, lines: Iterable[str]) -> None:
    """Put lines where a document has the markers of a script, in place of what is there."""
    check_markers(document, script)
    before, start, rest = document.read_text(encoding="utf-8").partition(_start(script))
    after = rest.partition(_END)[2]
    atomic_write(document, "\n".join([before + start, "", *lines, "", _END + after]))


def _start(script: str) -> str:
    return f"<!-- tables: benchmarks/{script} -->"
