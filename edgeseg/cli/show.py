"""Showing a comparison, the end of `bench` and of `run`, and what a profiler says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from edgeseg.cli import options
from edgeseg.cli.console import progress_bar, say, table_console, waiting, warn
from edgeseg.core.errors import EdgesegError
from edgeseg.core.source import Source

if TYPE_CHECKING:
    from edgeseg.bench.comparison.tables import TableFormat
    from edgeseg.pipeline.job import Job
    from edgeseg.pipeline.measure.comparing import Comparison

__all__ = ["show_comparison", "show_profiles"]


def show_comparison(
    comparison: Comparison,
    job: Job,
    out: Path,
    tables: Sequence[options.TableFormat] | None,
    sort: options.Sort,
    per_class: bool,
    picture: bool,
) -> None:
    """Write the files and print the table; raises the first failure's error once all is done."""
    from edgeseg.bench.comparison.terminal import class_table, terminal_table
    from edgeseg.pipeline.elsewhere.android import is_android
    from edgeseg.pipeline.measure import comparing

    console, rows = table_console(), comparison.rows(sort.value)
    written = comparing.write_comparison(out, comparison, _formats(tables), sort.value, per_class)
    console.print(terminal_table(rows, comparison.failures, width=console.width))
    if per_class and any(row.class_iou_percent for row in rows):
        console.print(class_table(rows))
    for path in written:
        say(f"table: {path}")
    if picture and job.data and not is_android(job.device):  # Which measures no accuracy.
        _draw(comparison, job.data, job.split, out)
    if comparison.errors:
        raise comparison.errors[0]


def _draw(comparison: Comparison, data: str, split: str | None, out: Path) -> None:
    """A picture that cannot be drawn takes nothing from what was measured."""
    from edgeseg.pipeline.measure import comparing

    try:
        with waiting("draw the picture"):
            drawn = comparing.write_picture(out, comparison, data, split)
    except EdgesegError as error:
        warn(f"edgeseg: no picture: {error}")
        return
    if drawn:
        say(f"picture: {drawn}")


def show_profiles(job: Job, sources: Sequence[Source], out: Path, tables: Sequence[options.TableFormat] | None) -> None:
    """Profile one file after the other, print what each takes its time for and write the tables.

    A file that fails does not stop the others; raises the first one's error once all is written.
    """
    from edgeseg.bench.comparison.failure import Failure
    from edgeseg.bench.comparison.terminal import terminal_table
    from edgeseg.bench.profiles.operator_tables import terminal_profile
    from edgeseg.pipeline.measure import profiling

    profiling.check_profiles(job, sources)
    errors: list[EdgesegError] = []
    for source in sources:
        name = Path(source.target).name
        try:
            with progress_bar(name) as show:
                profile = profiling.profile_apart(replace(job, source=source), show)
        except EdgesegError as error:
            table_console().print(terminal_table((), [Failure.of(name, error)]))
            errors.append(error)
            continue
        table_console().print(terminal_profile(profile))
        for path in profiling.write_profiles(out, profile, _formats(tables)):
            say(f"table: {path}")
    if errors:
        raise errors[0]


def _formats(tables: Sequence[options.TableFormat] | None) -> list[TableFormat]:
    return cast("list[TableFormat]", [table.value for table in tables or [options.TableFormat.MD]])
