"""The layers of a mixed file: how sensitive each is, what it costs in float, and what it became."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import assert_never

from rich.table import Table

from edgeseg.bench.comparison.grid import Column, grid, grid_table
from edgeseg.bench.comparison.tables import TableFormat, csv_text
from edgeseg.bench.profiles.layers import Layer
from edgeseg.core.files import atomic_write

__all__ = ["layer_table", "write_layers"]

_SHOWN = 15
"""Layers on a terminal beyond those in float."""


def layer_table(layers: Sequence[Layer], floating: int) -> Table:
    """The first layers, those in float among them, as something that rich prints."""
    return grid_table(_columns(floating), list(enumerate(layers[: max(floating, _SHOWN)])))


def write_layers(path: Path, format: TableFormat, layers: Sequence[Layer], floating: int) -> None:
    """Write all layers, in the order in which they go back to float; the first so many did."""
    numbered = list(enumerate(layers))
    columns = _columns(floating)
    match format:
        case "md":
            atomic_write(path, grid(columns, numbered))
        case "csv":
            lines = ((each.name, each.sqnr_db, each.cost_ms, _precision(i, floating)) for i, each in numbered)
            atomic_write(path, csv_text(("layer", "sqnr_db", "cost_ms", "precision"), lines))
        case "json":
            rows = [
                {**vars(each), "sqnr_db": each.sqnr_db, "precision": _precision(i, floating)} for i, each in numbered
            ]
            atomic_write(path, json.dumps({"layers": rows}, indent=1) + "\n")
        case _:
            assert_never(format)


def _precision(place: int, floating: int) -> str:
    return "float" if place < floating else "int8"


def _sqnr(layer: Layer) -> str:
    return "" if layer.sqnr_db is None else f"{layer.sqnr_db:.1f}"


def _columns(floating: int) -> tuple[Column[tuple[int, Layer]], ...]:
    return (
        Column("layer", lambda each: each[1].name, is_number=False),
        Column("SQNR alone in int8, dB", lambda each: _sqnr(each[1])),
        Column("cost in float, ms", lambda each: f"{each[1].cost_ms:.3f}"),
        Column("precision", lambda each: _precision(each[0], floating), is_number=False),
    )
