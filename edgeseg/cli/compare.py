"""`edgeseg compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from edgeseg.cli import options
from edgeseg.cli.console import say, table_console

if TYPE_CHECKING:
    from edgeseg.bench.comparison.tables import TableFormat

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare")(compare)


def compare(
    results: Annotated[
        list[Path],
        typer.Argument(metavar="RESULT...", help="Folders that bench or run wrote to, or their records.json."),
    ],
    mixed: Annotated[
        bool, typer.Option("--mixed", help="Show in one table what was not measured on the same terms.")
    ] = False,
    table: options.Tables = None,
    sort: options.SortOption = options.Sort.MODEL,
    per_class: options.PerClass = False,
    out: Annotated[
        Path, typer.Option("--out", callback=options.folder, help="Folder for the page and the tables.")
    ] = Path("edgeseg-compare"),
) -> None:
    """Merge the results of many runs and machines into one table and one HTML page with Pareto plots."""
    from edgeseg.bench.comparison.terminal import class_table, terminal_table
    from edgeseg.pipeline.measure.merging import merge, write_merged

    merged = merge(results, mixed)
    console, rows = table_console(), merged.rows(sort.value)
    formats = cast("list[TableFormat]", [each.value for each in table or [options.TableFormat.MD]])
    written = write_merged(out, merged, formats, sort.value, per_class, results)
    console.print(terminal_table(rows, width=console.width))
    if per_class and any(row.class_iou_percent for row in rows):
        console.print(class_table(rows))
    for path in written:
        say(f"{'page' if path.suffix == '.html' else 'table'}: {path}")
