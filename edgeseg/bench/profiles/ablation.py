"""What each pass before quantization bought, as a table: the int8 file without it beside the one with all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import log10
from pathlib import Path
from typing import assert_never

from rich.table import Table

from edgeseg.bench.comparison.grid import Column, grid, grid_table
from edgeseg.bench.comparison.tables import TableFormat, csv_text
from edgeseg.core.files import atomic_write

__all__ = ["Ablated", "ablation_table", "write_ablation"]


@dataclass(frozen=True)
class Ablated:
    """An int8 file that was made without one pass; with all where `without` is empty.

    `noise` is the mean square error of its scores over their variance, `time_ratio` its median time over that of the
    file with all passes. All are None where there is no such file, for which `failure` says why.
    """

    without: str
    noise: float | None = None
    time_ratio: float | None = None
    int8_percent: float | None = None
    failure: str = ""

    @property
    def sqnr_db(self) -> float | None:
        """Signal to quantization noise at the scores; None where there is no noise."""
        return -10 * log10(self.noise) if self.noise else None


def ablation_table(rows: Sequence[Ablated]) -> Table:
    """As something that rich prints; the first row is the file with all passes."""
    return grid_table(_columns(rows), rows)


def write_ablation(path: Path, format: TableFormat, rows: Sequence[Ablated]) -> None:
    """Write the same as Markdown, or the figures as they are. Raises WorkError where the system refuses to write."""
    figures = [{**asdict(row), "sqnr_db": row.sqnr_db} for row in rows]
    match format:
        case "md":
            atomic_write(path, grid(_columns(rows), rows))
        case "csv":
            atomic_write(path, csv_text(figures[0], (figure.values() for figure in figures)))
        case "json":
            atomic_write(path, json.dumps({"passes": figures}, indent=1) + "\n")
        case _:
            assert_never(format)


def _columns(rows: Sequence[Ablated]) -> tuple[Column[Ablated], ...]:
    whole = rows[0].sqnr_db

    def change(row: Ablated) -> str:
        if not row.without or row.sqnr_db is None or whole is None:
            return ""
        return f"{row.sqnr_db - whole:+.1f}"

    columns = (
        Column[Ablated]("without", lambda row: row.without or "(all passes)", is_number=False),
        Column[Ablated]("SQNR, dB", lambda row: _number(row.sqnr_db, 1)),
        Column[Ablated]("change, dB", change),
        Column[Ablated]("time, of the first", lambda row: _number(row.time_ratio, 2)),
        Column[Ablated]("in int8, % of operators", lambda row: _number(row.int8_percent, 0)),
    )
    failed = Column[Ablated]("failure", lambda row: row.failure, is_number=False)
    return (*columns, failed) if any(row.failure for row in rows) else columns


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
