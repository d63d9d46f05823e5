"""Rows of any kind as a table, for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.table import Table
from rich.text import Text

from edgeseg.bench.comparison.tables import markdown_table

__all__ = ["Column", "grid", "grid_table"]

Row = TypeVar("Row")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column's title and what stands in its cell of a row."""

    title: str
    cell: Callable[[Row], str]
    is_number: bool = True


def grid(columns: Sequence[Column[Row]], rows: Sequence[Row]) -> str:
    """As Markdown."""
    titles, numbers = [column.title for column in columns], [column.is_number for column in columns]
    return markdown_table(titles, numbers, [[column.cell(row) for column in columns] for row in rows])


def grid_table(columns: Sequence[Column[Row]], rows: Sequence[Row]) -> Table:
    """As something that rich prints."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.title, justify="right" if column.is_number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(column.cell(row)) for column in columns))
    return table
