"""A comparison on a terminal: as narrow as its content allows, and in two tables where one would not fit."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from edgeseg.bench.comparison.columns import ACCURACY, DISPENSABLE, IDENTITY, SPEED, Column, footnotes, full_name
from edgeseg.bench.comparison.compare import Row
from edgeseg.bench.comparison.failure import Failure
from edgeseg.bench.comparison.tables import class_cell, class_names
from edgeseg.core.text import one_line

__all__ = ["class_table", "terminal_table"]

_ALWAYS = ("model", "format", "precision")
_WIDE = 10_000


def terminal_table(rows: Sequence[Row], failures: Sequence[Failure] = (), *, width: int = 100) -> Group:
    """Rows, failures and footnotes as something that rich prints.

    What is equal in all rows stands in a line above instead of in a column. Where the table is wider than `width`
    characters even without the interval of image to class map, speed and accuracy come as two tables.
    """
    if not rows:
        return Group(*_failures(failures))
    identity = _telling(rows)
    narrow = tuple(column for column in SPEED if column is not DISPENSABLE)
    tables = [_table(rows, (*identity, *speed, *ACCURACY), gap) for speed, gap in ((SPEED, 2), (SPEED, 1), (narrow, 1))]
    fitting = next(([table] for table in tables if _width(table) <= width), None)
    body = fitting or [_table(rows, (*identity, *SPEED), 1), _table(rows, (*identity, *ACCURACY), 1)]
    return Group(
        Text(one_line(_common(rows, identity)), style="dim"),
        *body,
        *_failures(failures),
        *(Text(one_line(note), style="dim") for note in footnotes(rows)),
    )


def class_table(rows: Sequence[Row]) -> Table:
    """IoU in % of every class (lines) in every artifact (columns)."""
    measured = [row for row in rows if row.class_iou_percent]
    titles = [f"{one_line(row.model)}\n{row.format}\n{row.precision}" for row in measured]
    if len(set(titles)) < len(titles):
        titles = [one_line(full_name(row)) for row in measured]
    table = _frame(gap=2)
    table.add_column("IoU\n%", vertical="bottom")
    for title in titles:
        table.add_column(Text(title), justify="right", overflow="fold")
    for name in class_names(measured):
        table.add_row(Text(one_line(name)), *(class_cell(row, name) for row in measured))
    return table


def _telling(rows: Sequence[Row]) -> tuple[Column, ...]:
    """The identity columns that tell these rows apart."""
    columns = [
        column
        for column in IDENTITY
        if column.key in _ALWAYS
        or (column.key not in ("name", "runtime") and len({column.cell(row) for row in rows}) > 1)
        or (column.key == "runtime" and _runtimes(rows) is None)
    ]
    if len({tuple(column.cell(row) for column in columns) for row in rows}) < len(rows):
        columns = [IDENTITY[0], *(column for column in columns if column.key != "model")]
    return tuple(columns)


def _runtimes(rows: Sequence[Row]) -> dict[str, str] | None:
    """The runtime of each format, where each has one."""
    pairs = {(row.format, row.runtime) for row in rows}
    return dict(sorted(pairs)) if len({format for format, _ in pairs}) == len(pairs) else None


def _common(rows: Sequence[Row], identity: Sequence[Column]) -> str:
    """What all rows share, as a line of text."""
    shown, first = {column.key for column in identity}, rows[0]
    words = {
        "size": f"size {first.size}",
        "batch": f"batch {first.batch}",
        "head": f"head {first.head}",
        "threads": f"{first.threads} thread{'s' if first.threads > 1 else ''}",
        "device": f"device {first.device}",
    }
    runtimes = ", ".join(f"{format} on {runtime}" for format, runtime in (_runtimes(rows) or {}).items())
    return "; ".join([*(word for key, word in words.items() if key not in shown), *([runtimes] if runtimes else [])])


def _frame(gap: int) -> Table:
    return Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="bold")


def _table(rows: Sequence[Row], columns: Sequence[Column], gap: int) -> Table:
    table = _frame(gap)
    for column in columns:
        table.add_column(column.short, justify="right" if column.is_number else "left", vertical="bottom", no_wrap=True)
    for row in rows:
        cells = (Text(one_line(column.cell(row))) for column in columns)
        table.add_row(*cells, style="" if row.is_baseline else "bold")
    return table


def _width(table: Table) -> int:
    console = Console(width=_WIDE)
    return Measurement.get(console, console.options, table).maximum


def _failures(failures: Sequence[Failure]) -> list[Text]:
    return [Text(one_line(f"failed: {failure.name}: {failure.reason}"), style="red") for failure in failures]
