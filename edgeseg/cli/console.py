"""Standard error for people, standard output for results; a progress bar on a terminal and nothing in a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edgeseg.core.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

    from edgeseg.core.protocols import Progress

__all__ = ["progress_bar", "say", "table_console", "waiting", "warn"]

_PIPE = 120
"""Characters a line where standard output is no terminal."""


def say(*lines: str) -> None:
    """Print lines of result."""
    print(*map(one_line, lines), sep="\n", flush=True)


def warn(text: str) -> None:
    """Print one line to standard error."""
    import sys

    print(one_line(text), file=sys.stderr, flush=True)


def table_console(pipe: int = _PIPE) -> Console:
    """Standard output for tables: of the terminal's width, and wide enough in a pipe."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=pipe)


@contextmanager
def progress_bar(what: str) -> Iterator[Progress]:
    """A Progress that draws one bar a stage, titled `what: stage`."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        current: TaskID | None = None

        def show(stage: str, done: int, total: int) -> None:
            nonlocal current
            title = f"{what}: {stage}"
            if current is None:
                current = bars.add_task(title)
            bars.update(current, description=title, completed=done, total=total)

        yield show


@contextmanager
def waiting(title: str) -> Iterator[None]:
    """Show on a terminal that something goes on whose length is not known."""
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(title):
            yield
    else:
        yield
