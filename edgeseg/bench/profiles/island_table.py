"""Float islands on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.padding import Padding

from edgeseg.bench.comparison.grid import Column, grid_table
from edgeseg.bench.profiles.islands import Island

__all__ = ["island_table"]

_COLUMNS: tuple[Column[Island], ...] = (
    Column("in float", lambda island: island.op, is_number=False),
    Column("count", lambda island: str(island.count)),
    Column("why", lambda island: island.why, is_number=False),
    Column("ms", lambda island: f"{island.ms:.3f}"),
    Column("conversions, ms", lambda island: f"{island.conversion_ms:.3f}"),
)


def island_table(islands: Sequence[Island]) -> Padding:
    """One line an island, indented to stand below the line about its file."""
    return Padding(grid_table(_COLUMNS, islands), (0, 0, 0, 2))
