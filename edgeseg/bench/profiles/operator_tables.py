"""A profile written out: for a terminal, as Markdown, CSV or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import assert_never

from rich.console import Group, RenderableType
from rich.text import Text

from edgeseg.bench.comparison.grid import Column, grid, grid_table
from edgeseg.bench.comparison.tables import TableFormat, csv_text
from edgeseg.bench.profiles.operators import Operator, Profile, Total
from edgeseg.core.files import atomic_write

__all__ = ["terminal_profile", "write_profile"]

_SHOWN = 20
"""Operators on a terminal; a file holds them all."""
_TENSOR = 32
"""Characters of a tensor's name on a terminal; the end tells more than the beginning."""


def terminal_profile(profile: Profile) -> Group:
    """The totals and the dearest operators as something that rich prints."""
    shown = profile.by_cost()[:_SHOWN]
    rest = profile.by_cost()[_SHOWN:]
    parts: list[RenderableType] = [
        Text(_title(profile), style="bold"),
        grid_table(_totals(profile), profile.totals()),
        Text(),
        grid_table(_operators(profile, _TENSOR), shown),
    ]
    if rest:
        parts.append(Text(f"and {len(rest)} more of {sum(each.ms for each in rest):.2f} ms together", style="dim"))
    return Group(*parts)


def write_profile(path: Path, format: TableFormat, profile: Profile) -> None:
    """Write all operators, the dearest first, atomically; WorkError where the system refuses."""
    match format:
        case "md":
            totals, operators = _totals(profile), _operators(profile)
            tables = (grid(totals, profile.totals()), grid(operators, profile.by_cost()))
            atomic_write(path, "\n".join((f"{_title(profile)}\n", *tables)))
        case "csv":
            atomic_write(path, _csv(profile))
        case "json":
            atomic_write(path, json.dumps({**profile.to_json(), "totals": _shares(profile)}, indent=2) + "\n")
        case _:
            assert_never(format)


def _title(profile: Profile) -> str:
    threads = f"{profile.threads} thread{'s' * (profile.threads > 1)}"
    return (
        f"{profile.name}: {profile.run_ms:.2f} ms a run on {profile.runtime} with its profiler on, "
        f"{threads}, medians of {profile.runs} runs"
    )


def _totals(profile: Profile) -> tuple[Column[Total], ...]:
    return (
        Column("kernel", lambda total: total.kernel, is_number=False),
        Column("computes in", lambda total: total.arithmetic, is_number=False),
        Column("count", lambda total: str(total.count)),
        Column("ms", lambda total: f"{total.ms:.3f}"),
        Column("%", lambda total: f"{profile.share_percent(total.ms):.1f}"),
    )


def _operators(profile: Profile, width: int | None = None) -> tuple[Column[Operator], ...]:
    def tensor(operator: Operator) -> str:
        name = operator.tensor
        return name if width is None or len(name) <= width else f"…{name[1 - width :]}"

    return (
        Column("tensor", tensor, is_number=False),
        Column("operator", lambda operator: operator.op, is_number=False),
        Column("kernel", lambda operator: operator.kernel, is_number=False),
        Column("computes in", lambda operator: operator.arithmetic, is_number=False),
        Column("ms", lambda operator: f"{operator.ms:.3f}"),
        Column("%", lambda operator: f"{profile.share_percent(operator.ms):.1f}"),
    )


def _shares(profile: Profile) -> list[dict[str, object]]:
    return [{**vars(total), "share_percent": profile.share_percent(total.ms)} for total in profile.totals()]


def _csv(profile: Profile) -> str:
    titles = ("name", "runtime", "threads", "runs", *Operator.__dataclass_fields__, "share_percent")
    return csv_text(titles, _lines(profile, profile.by_cost()))


def _lines(profile: Profile, operators: Sequence[Operator]) -> Iterator[tuple[object, ...]]:
    for each in operators:
        values = vars(each).values()
        yield (profile.name, profile.runtime, profile.threads, profile.runs, *values, profile.share_percent(each.ms))
