"""The columns of a comparison: what each is called, in which unit, and how its cells are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeseg.bench.accuracy.miou_loss import CONFIDENCE_PERCENT, LEAST_IMAGES
from edgeseg.bench.comparison.compare import Row
from edgeseg.bench.times.intervals import samples_for
from edgeseg.bench.times.memory import MEANING
from edgeseg.core.evaluation import Evaluation

__all__ = ["ACCURACY", "COLUMNS", "DISPENSABLE", "IDENTITY", "SPEED", "Column", "columns", "footnotes", "full_name"]

BASE = "base"
PLAIN = str(Evaluation())
_NAMED = 4
"""Rows of one note, or series of a table, that are all named."""


@dataclass(frozen=True)
class Column:
    """`title` is for documents, `short` (with line breaks) for a terminal; a cell without a value is empty."""

    key: str
    title: str
    short: str
    cell: Callable[[Row], str]
    is_number: bool = True


def _figure(key: str, title: str, short: str, decimals: int) -> Column:
    def cell(row: Row) -> str:
        value = getattr(row, key)
        return "" if value is None else f"{value:.{decimals}f}"

    return Column(key, title, short, cell)


def _name(key: str, title: str) -> Column:
    return Column(key, title, title, lambda row: str(getattr(row, key)), is_number=False)


def _speedup(row: Row) -> str:
    if row.is_baseline:
        return BASE
    if row.speedup is None:
        return ""
    within = row.speedup_within
    return f"{row.speedup:.2f}" if within is None else f"{row.speedup:.2f} ±{within:.2f}"


def _loss(row: Row) -> str:
    if row.is_baseline or row.miou_loss_points is None:
        return ""
    loss = f"{round(row.miou_loss_points, 2) + 0.0:+.2f}"
    within = row.miou_loss_within_points
    return loss if within is None else f"{loss} ±{within:.2f}"


IDENTITY = (
    _name("name", "name"),
    _name("model", "model"),
    _name("format", "format"),
    Column("precision", "precision", "dtype", lambda row: row.precision, is_number=False),
    _name("head", "head"),
    _name("size", "size"),
    _name("batch", "batch"),
    _name("runtime", "runtime"),
    _name("device", "device"),
    _name("threads", "threads"),
    _name("machine", "machine"),
    _name("evaluation", "evaluation"),
    _name("run", "run"),
)
DISPENSABLE = _figure("classmap_p50_within_percent", "95 % interval of image to class map, ± %", "±\n%", 1)
"""What a terminal does without before it makes two tables of one."""

SPEED = (
    _figure("network_p50_ms", "network p50, ms", "net\np50\nms", 2),
    _figure("network_p50_within_percent", "95 % interval of the median, ± %", "±\n%", 1),
    _figure("network_p90_ms", "network p90, ms", "net\np90\nms", 2),
    _figure("network_spread_percent", "network spread (IQR / median), %", "IQR\n%", 1),
    _figure("classmap_p50_ms", "image to class map p50, ms", "image\nto map\nms", 2),
    DISPENSABLE,
    Column("speedup", "speed-up, x", "speed-\nup, x", _speedup),
)
ACCURACY = (
    _figure("miou_percent", "mIoU, %", "mIoU\n%", 2),
    Column("miou_loss_points", "mIoU loss, points", "mIoU\nloss\npoints", _loss),
    _figure("params_millions", "params, M", "params\nM", 2),
    _figure("madds_billions", "MAdds, G", "MAdds\nG", 2),
    _figure("file_mib", "file, MiB", "file\nMiB", 2),
    _figure("peak_rss_mib", "peak memory, MiB", "peak\nMiB", 0),
)
TAIL = (
    _figure("network_p95_ms", "network p95, ms", "net\np95\nms", 2),
    _figure("network_p99_ms", "network p99, ms", "net\np99\nms", 2),
    _figure("energy_mj", "energy, mJ", "mJ", 1),
)
COLUMNS = (
    *IDENTITY,
    *SPEED,
    *TAIL,
    *ACCURACY,
    _figure("published_miou_percent", "published mIoU, %", "publ.\nmIoU\n%", 2),
)


def columns(rows: Sequence[Row]) -> tuple[Column, ...]:
    """Those for a document about these rows: all, the run only where one is named."""
    return tuple(column for column in COLUMNS if column.key != "run" or any(row.run for row in rows))


def footnotes(rows: Sequence[Row]) -> tuple[str, ...]:
    """What a reader needs beside these rows: what is compared with what, what was left blank, each row's notes."""
    notes = []
    if any(row.is_baseline for row in rows) and not all(row.is_baseline for row in rows):
        notes.append(
            f"{BASE}: the float row that the model's other rows of that format are held against; speed-up is in image "
            "to class map time; an mIoU loss above 0 is worse"
        )
    if any(row.speedup_within is not None for row in rows):
        notes.append("± of a speed-up: 95 % interval, by drawing rounds anew")
    notes.append(_about_series(rows))
    if any(row.miou_percent is not None for row in rows):
        data = sorted({_data(row) for row in rows if row.miou_percent is not None})
        notes.append(
            f"mIoU over {', '.join(data)}: one confusion matrix, mean over the classes in labels or predictions"
        )
        notes.append(_about_losses(rows))
    if any(row.network_p50_ms is not None and row.network_p99_ms is None for row in rows):
        needed = ", ".join(f"p{percent} {samples_for(percent)}" for percent in (90, 95, 99))
        notes.append(f"a percentile is left blank where there are fewer samples than it takes to state it: {needed}")
    if any(row.peak_rss_mib is not None for row in rows):
        notes.append(MEANING)
    slower = [full_name(row) for row in rows if not row.is_baseline and _is_slower(row)]
    if slower:
        notes.append(f"slower than its float row: {', '.join(slower)}")
    return (*filter(None, notes), *_row_notes(rows))


def full_name(row: Row) -> str:
    """With the run that it is of, where there are several."""
    return f"{row.name} of {row.run}" if row.run else row.name


def _is_slower(row: Row) -> bool:
    """Beyond what chance does to the rounds, where these are known."""
    return row.speedup is not None and row.speedup < 1 and (row.speedup_high is None or row.speedup_high < 1)


def _about_series(rows: Sequence[Row]) -> str:
    """Empty where all rows of a machine took turns with each other."""
    names: dict[int, list[str]] = {}
    for row in rows:
        if row.series is not None:
            names.setdefault(row.series, []).append(full_name(row))
    if len(names) <= len({row.machine for row in rows if row.series is not None}):
        return ""
    which = "`series` in CSV and JSON says which were"
    if len(names) <= _NAMED and all(len(each) <= _NAMED for each in names.values()):
        which = "; ".join(", ".join(each) for each in names.values())
    return f"not all rows were measured in the same rounds ({which}): in between the machine may have changed"


def _data(row: Row) -> str:
    evaluation = "" if row.evaluation == PLAIN else f", {row.evaluation}"
    return f"{row.dataset} ({row.images} images{evaluation})"


def _about_losses(rows: Sequence[Row]) -> str:
    lost = [row for row in rows if not row.is_baseline and row.miou_loss_points is not None]
    if any(row.miou_loss_low_points is not None for row in lost):
        return f"± of an mIoU loss: {CONFIDENCE_PERCENT} % interval, both files on the same images drawn anew"
    few = any(row.images < LEAST_IMAGES for row in lost)
    return f"an mIoU loss has no ± under {LEAST_IMAGES} images" if few else ""


def _row_notes(rows: Sequence[Row]) -> list[str]:
    """Each note once, behind the rows that have it."""
    names: dict[str, list[str]] = {}
    for row in rows:
        for note in row.notes:
            names.setdefault(note, []).append(full_name(row))
    return [
        f"{', '.join(having)}: {note}" if len(having) <= _NAMED else f"{having[0]} and {len(having) - 1} more: {note}"
        for note, having in names.items()
    ]
