"""A comparison written out: for a terminal, as Markdown, CSV or JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from edgeseg.bench.comparison.columns import columns, footnotes, full_name
from edgeseg.bench.comparison.compare import Row
from edgeseg.bench.comparison.failure import Failure
from edgeseg.bench.comparison.records import records_json
from edgeseg.core.errors import InputError
from edgeseg.core.files import atomic_write
from edgeseg.core.record import Record
from edgeseg.core.text import one_line

__all__ = [
    "TableFormat",
    "class_markdown",
    "csv_text",
    "markdown_table",
    "to_csv",
    "to_json",
    "to_markdown",
    "write_table",
]

TableFormat: TypeAlias = Literal["md", "csv", "json"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes a text for a formula after."""


def write_table(
    path: Path,
    format: TableFormat,
    records: Sequence[Record],
    rows: Sequence[Row],
    failures: Sequence[Failure] = (),
    *,
    per_class: bool = False,
    runs: Sequence[str] = (),
) -> None:
    """Write a table atomically. CSV and JSON hold what they hold with and without `per_class`; Markdown gains a table.

    `runs` names the run that each Record is of, where they are of several; JSON keeps that.

    Raises InputError for another format, WorkError where the system refuses to write.
    """
    match format:
        case "md":
            shown = per_class and any(row.class_iou_percent for row in rows)
            classes = f"\n{class_markdown(rows)}" if shown else ""
            atomic_write(path, to_markdown(rows, failures) + classes)
        case "csv":
            atomic_write(path, to_csv(rows, failures))
        case "json":
            atomic_write(path, to_json(records, rows, failures, runs))
        case _:
            raise InputError(f"table format {format!r}: expected {', '.join(get_args(TableFormat))}")


def to_json(
    records: Sequence[Record], rows: Sequence[Row], failures: Sequence[Failure] = (), runs: Sequence[str] = ()
) -> str:
    """Full Records with the rows drawn from them; `records.read_results` reads it too."""
    told = {"rows": [asdict(row) for row in rows], "failures": [asdict(failure) for failure in failures]}
    return records_json(records, runs, **told)


def to_csv(rows: Sequence[Row], failures: Sequence[Failure] = ()) -> str:
    """Every field of `Row` but the classes, under its name, unrounded; the last column says why an artifact failed."""
    keys = [*(field.name for field in fields(Row) if field.name != "class_iou_percent"), "failure"]
    lines = [
        *({**asdict(row), "notes": "; ".join(row.notes)} for row in rows),
        *({"name": failure.name, "failure": failure.reason} for failure in failures),
    ]
    return csv_text(keys, ([line.get(key) for key in keys] for line in lines))


def csv_text(titles: Iterable[str], lines: Iterable[Iterable[object]]) -> str:
    """Lines of cells under their titles, empty for None; an apostrophe stands before what would be a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(titles)
    writer.writerows(map(_harmless, line) for line in lines)
    return text.getvalue()


def _harmless(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    text = f"'{cell}" if cell.startswith(_FORMULA) else cell
    return text.replace("\r", "\n")  # The writer need not quote a carriage return, which then begins a new line.


def to_markdown(rows: Sequence[Row], failures: Sequence[Failure] = ()) -> str:
    """All columns with their units and, where something failed, a last one that says why; then the footnotes."""
    shown = columns(rows)
    titles, is_number = [column.title for column in shown], [column.is_number for column in shown]
    lines = [[column.cell(row) for column in shown] for row in rows]
    if failures:
        titles, is_number = [*titles, "failure"], [*is_number, False]
        lines = [[*line, ""] for line in lines]
        blank = [""] * (len(shown) - 1)
        lines += [[failure.name, *blank, failure.reason] for failure in failures]
    notes = "".join(f"- {_in_line(note)}\n" for note in footnotes(rows))
    return "\n".join(part for part in (markdown_table(titles, is_number, lines), notes) if part)


def class_markdown(rows: Sequence[Row]) -> str:
    """IoU in % of every class (lines) in every artifact (columns)."""
    measured = [row for row in rows if row.class_iou_percent]
    return markdown_table(
        ["IoU, %", *map(full_name, measured)],
        [False, *(True for _ in measured)],
        [[name, *(class_cell(row, name) for row in measured)] for name in class_names(measured)],
    )


def class_names(rows: Sequence[Row]) -> list[str]:
    """The classes of all rows, each once, in the order of their first mention."""
    return list(dict.fromkeys(name for row in rows for name in row.class_iou_percent))


def class_cell(row: Row, name: str) -> str:
    """IoU of one class; empty where the class occurs neither in the labels nor in the predictions."""
    iou = row.class_iou_percent.get(name)
    return "" if iou is None else f"{iou:.2f}"


def markdown_table(titles: Sequence[str], is_number: Sequence[bool], lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells under their titles, numbers to the right."""
    rule = ["---:" if number else "---" for number in is_number]
    return "".join(f"| {' | '.join(map(_in_markdown, line))} |\n" for line in (titles, rule, *lines))


def _in_markdown(cell: str) -> str:
    return _in_line(cell).replace("|", "\\|")


def _in_line(text: str) -> str:
    return one_line(text).replace("<", "&lt;")
