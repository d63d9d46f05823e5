"""Showing a comparison: the end of `bench` and of `run`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from edgeseg.cli import options
from edgeseg.cli.console import say, waiting

if TYPE_CHECKING:
    from edgeseg.bench.tables import TableFormat
    from edgeseg.pipeline.comparing import Comparison
    from edgeseg.pipeline.job import Job

__all__ = ["show_comparison"]


def show_comparison(
    comparison: Comparison,
    job: Job,
    out: Path,
    tables: Sequence[options.TableFormat] | None,
    sort: options.Sort,
    per_class: bool,
    picture: bool,
) -> None:
    """Print the table and write the files; raises the first failure's error once all is written."""
    from rich.console import Console

    from edgeseg.bench.terminal import class_table, terminal_table
    from edgeseg.pipeline import comparing

    console = Console()
    width = console.width if console.is_terminal else 120
    rows = comparison.rows(sort.value)
    console = Console(width=width)
    console.print(terminal_table(rows, comparison.failures, width=width))
    if per_class and comparison.records:
        console.print(class_table(rows))
    if comparison.records:
        formats = cast("list[TableFormat]", [table.value for table in tables or [options.TableFormat.MD]])
        for path in comparing.write_comparison(out, comparison, formats, sort.value, per_class):
            say(f"table: {path}")
        if picture and job.data:
            with waiting("draw the picture"):
                drawn = comparing.write_picture(out, comparison, job.data, job.split)
            if drawn:
                say(f"picture: {drawn}")
    if comparison.errors:
        raise comparison.errors[0]
