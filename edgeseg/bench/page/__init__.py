"""A comparison as one HTML file that needs nothing else: no network, no library, no other file."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path

from edgeseg.bench.comparison.columns import IDENTITY, Column, columns, footnotes
from edgeseg.bench.comparison.compare import Row
from edgeseg.bench.comparison.tables import class_cell, class_names
from edgeseg.bench.pictures.plot import Point, mark, scatter

__all__ = ["Picture", "html_page"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""What a browser is to refuse, whatever a name in a file may contain: everything but what stands in the page."""


@dataclass(frozen=True)
class Picture:
    """A PNG file that belongs to a run."""

    run: str
    path: Path


def html_page(title: str, rows: Sequence[Row], pictures: Sequence[Picture] = ()) -> str:
    """Pareto plots, the table, the IoU of each class as bars, and pictures, of one row or more as an HTML file.

    Every text of the rows is escaped. Raises OSError for a picture that cannot be read.
    """
    style, script = (resources.files(__name__).joinpath(name).read_text("utf-8") for name in ("style.css", "script.js"))
    notes = "".join(f"<li>{escape(note)}</li>" for note in footnotes(rows))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
</head>
<body>
<header><h1>{escape(title)}</h1></header>
<main>
{_plots(rows)}
<h2>Measurements</h2>
{_table(rows)}
<ul>{notes}</ul>
{_classes(rows)}
{_pictures(pictures)}
</main>
<script>
{script}</script>
</body>
</html>
"""


def _plots(rows: Sequence[Row]) -> str:
    shapes = {machine: shape for shape, machine in enumerate(dict.fromkeys(row.machine for row in rows))}
    latency = _points(rows, lambda row: row.classmap_p50_ms, "ms", shapes, _speed_terms)
    size = _points(rows, lambda row: row.file_mib, "MiB", shapes, _accuracy_terms)
    return f"""<h2 id="plots">Pareto fronts</h2>
<ul class="legend" aria-label="Legend">{_legend(rows, shapes)}</ul>
<div class="plots">
<figure id="latency">
{scatter(latency, "Latency and mIoU", "image to class map, median, ms", "mIoU, %")}
</figure>
<figure id="size">
{scatter(size, "Size and mIoU", "file, MiB", "mIoU, %")}
</figure>
</div>"""


def _legend(rows: Sequence[Row], shapes: Mapping[str, int]) -> str:
    """What colours and fillings mean, and shapes where there are several."""
    kinds = dict.fromkeys((row.format, row.precision) for row in rows)
    entries = [(f"{format} {precision}", f"{format} {precision}", 0) for format, precision in kinds]
    if len(shapes) > 1:
        entries += [("", machine or "unknown machine", shape) for machine, shape in shapes.items()]
    return "".join(
        f'<li><svg viewBox="0 0 16 16" aria-hidden="true"><g class="point {kind}">{mark(shape, 8, 8)}</g></svg>'
        f"{escape(words)}</li>"
        for kind, words, shape in entries
    )


def _speed_terms(row: Row) -> object:
    return row.machine, row.device, row.threads, row.batch, row.head, _accuracy_terms(row)


def _accuracy_terms(row: Row) -> object:
    return row.size, row.dataset, row.images, row.evaluation, row.labels


def _points(
    rows: Sequence[Row],
    cost: Callable[[Row], float | None],
    unit: str,
    shapes: Mapping[str, int],
    terms: Callable[[Row], object],
) -> list[Point]:
    """Of the rows that have the figure and an mIoU."""
    points = []
    for number, row in enumerate(rows):
        costs = cost(row)
        if costs is None or costs <= 0 or row.miou_percent is None:
            continue
        words = f"{_called(row)}: {costs:.2f} {unit}, mIoU {row.miou_percent:.2f} %"
        look = f"{row.format} {row.precision}", shapes[row.machine]
        points.append(Point(costs, row.miou_percent, row.model, words, f"row-{number}", *look, terms(row)))
    return points


def _called(row: Row) -> str:
    return ", ".join(filter(None, (row.name, row.run)))


def _table(rows: Sequence[Row]) -> str:
    """What all rows share stands above instead of in a column."""
    shared = [column for column in IDENTITY[1:] if len({column.cell(row) for row in rows}) == 1]
    terms = "; ".join(f"{column.title} {column.cell(rows[0])}" for column in shared if column.cell(rows[0]))
    shown = [column for column in columns(rows) if column not in shared]
    lines = "".join(
        f'<tr id="row-{number}">{"".join(_cell(column, row) for column in shown)}</tr>\n'
        for number, row in enumerate(rows)
    )
    headings = [(column.title, column.is_number) for column in shown]
    return f"<p>All: {escape(terms)}</p>\n{_sortable('Measurements', headings, lines)}"


def _cell(column: Column, row: Row) -> str:
    text = escape(column.cell(row))
    if column.key == "name":
        return f'<th scope="row">{text}</th>'
    if not column.is_number:
        return f"<td>{text}</td>"
    value = getattr(row, column.key)
    return f'<td class="number" data-value="{_number(value)}">{text}</td>'


def _number(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else repr(value)


def _sortable(title: str, headings: Sequence[tuple[str, bool]], lines: str) -> str:
    """A table in a box that scrolls, for the keyboard too."""
    heads = "".join(
        f'<th scope="col"{_NUMBER if is_number else ""}><button type="button">{escape(heading)}</button></th>'
        for heading, is_number in headings
    )
    return f"""<div class="scroll" tabindex="0" role="region" aria-label="{escape(title)}">
<table>
<thead><tr>{heads}</tr></thead>
<tbody>
{lines}</tbody>
</table>
</div>"""


_NUMBER = ' class="number"'


def _classes(rows: Sequence[Row]) -> str:
    measured = [row for row in rows if row.class_iou_percent]
    if not measured:
        return ""
    names = class_names(measured)
    lines = "".join(
        f'<tr><th scope="row">{escape(_called(row))}</th>{"".join(_bar(row, name) for name in names)}</tr>\n'
        for row in measured
    )
    headings = [("IoU, %", False), *((name, True) for name in names)]
    return f'<h2>Classes</h2>\n<div id="classes">\n{_sortable("IoU of every class", headings, lines)}\n</div>'


def _bar(row: Row, name: str) -> str:
    iou = row.class_iou_percent.get(name)
    share = "" if iou is None else f' style="--share: {iou:.2f}"'
    return f'<td class="number bar" data-value="{_number(iou)}"{share}>{class_cell(row, name)}</td>'


def _pictures(pictures: Sequence[Picture]) -> str:
    figures = "\n".join(
        f'<figure><img alt="Input, label and class maps of {escape(picture.run)}, side by side" '
        f'src="data:image/png;base64,{base64.b64encode(picture.path.read_bytes()).decode()}">'
        f"<figcaption>{escape(picture.run)}</figcaption></figure>"
        for picture in pictures
    )
    return f'<h2>Pictures</h2>\n<div id="pictures">\n{figures}\n</div>' if pictures else ""
