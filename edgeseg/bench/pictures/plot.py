"""A Pareto plot as SVG text: what each artifact costs and what it is worth, and the front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from edgeseg.bench.pictures.pareto import pareto_front
from edgeseg.bench.pictures.ticks import Axis, linear, logarithmic

__all__ = ["Point", "mark", "scatter"]

_WIDTH, _HEIGHT = 720, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 20, 16, 48
_RADIUS = 6
_LETTER, _LINE = 6.5, 14
"""Width and height that a letter of a label takes, in pixels."""

_SHAPES: tuple[tuple[tuple[float, float], ...], ...] = (
    (),
    ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    ((0, -1.2), (1.15, 0.9), (-1.15, 0.9)),
    ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
)
"""Corners in radii, of polygons; none of the circle."""


@dataclass(frozen=True)
class Point:
    """An artifact in a plot. Points of one `group` were measured on the same terms and have a front of their own."""

    cost: float
    worth: float
    name: str
    words: str
    target: str
    """Id of the element that a click leads to."""
    kind: str
    """CSS classes."""
    shape: int = 0
    """Number of its form: circle, square, triangle, diamond, and so on from the beginning."""
    group: object = None


def mark(shape: int, x: float, y: float) -> str:
    """A form around a place."""
    corners = _SHAPES[shape % len(_SHAPES)]
    if not corners:
        return f'<circle class="mark" cx="{x:g}" cy="{y:g}" r="{_RADIUS}"/>'
    places = " ".join(f"{x + _RADIUS * dx:g},{y + _RADIUS * dy:g}" for dx, dy in corners)
    return f'<polygon class="mark" points="{places}"/>'


def scatter(points: Sequence[Point], title: str, cost_title: str, worth_title: str) -> str:
    """Points above a logarithmic axis of cost, each a link, with a line through every front.

    A cost has to be above 0. No points make a sentence instead of a plot.
    """
    if not points:
        return f"<p>{escape(title)}: nothing was measured that could be drawn.</p>"
    costs = logarithmic([point.cost for point in points])
    worths = linear([point.worth for point in points])
    at = [(_x(costs, point.cost), _y(worths, point.worth)) for point in points]
    fronts = _fronts(points)
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="group" aria-label="{escape(title)}">',
        *_grid(costs, worths),
        f'<text class="axis" x="{(_LEFT + _WIDTH - _RIGHT) / 2:g}" y="{_HEIGHT - 8}">{escape(cost_title)}</text>',
        f'<text class="axis" transform="translate(14 {(_TOP + _HEIGHT - _BOTTOM) / 2:g}) rotate(-90)">'
        f"{escape(worth_title)}</text>",
        *(f'<polyline class="front" points="{_path([at[index] for index in front])}"/>' for front in fronts),
        *(_link(point, *place) for point, place in zip(points, at, strict=True)),
        *_labels(points, at, [index for front in fronts for index in front]),
        "</svg>",
    ]
    return "\n".join(parts)


def _x(axis: Axis, value: float) -> float:
    return round(_LEFT + axis.share(value) * (_WIDTH - _LEFT - _RIGHT), 1)


def _y(axis: Axis, value: float) -> float:
    return round(_HEIGHT - _BOTTOM - axis.share(value) * (_HEIGHT - _TOP - _BOTTOM), 1)


def _grid(costs: Axis, worths: Axis) -> list[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    parts = []
    for tick in costs.ticks:
        x = _x(costs, tick)
        parts.append(f'<line class="grid" x1="{x}" y1="{_TOP}" x2="{x}" y2="{bottom}"/>')
        parts.append(f'<text class="tick" x="{x}" y="{bottom + 18}">{costs.words(tick)}</text>')
    for tick in worths.ticks:
        y = _y(worths, tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y}" x2="{right}" y2="{y}"/>')
        parts.append(f'<text class="tick worth" x="{_LEFT - 8}" y="{y + 4}">{worths.words(tick)}</text>')
    return parts


def _fronts(points: Sequence[Point]) -> list[list[int]]:
    groups: dict[object, list[int]] = {}
    for index, point in enumerate(points):
        groups.setdefault(point.group, []).append(index)
    return [
        [members[index] for index in pareto_front([(points[i].cost, points[i].worth) for i in members])]
        for members in groups.values()
    ]


def _path(places: Sequence[tuple[float, float]]) -> str:
    """Steps: between two points of a front, what can be had is worth the cheaper one's."""
    corners = list(places[:1])
    for (_, before), (x, y) in pairwise(places):
        corners += [(x, before), (x, y)]
    return " ".join(f"{x:g},{y:g}" for x, y in corners)


def _link(point: Point, x: float, y: float) -> str:
    return (
        f'<a class="point {escape(point.kind)}" href="#{escape(point.target)}" aria-label="{escape(point.words)}">'
        f"<title>{escape(point.words)}</title>{mark(point.shape, x, y)}</a>"
    )


def _labels(points: Sequence[Point], at: Sequence[tuple[float, float]], named: Sequence[int]) -> list[str]:
    """The names of these points, beside them where there is room; where there is none the name is left out."""
    taken = [(x - _RADIUS, y - _RADIUS, x + _RADIUS, y + _RADIUS) for x, y in at]
    parts = []
    for index in named:
        (x, y), name = at[index], points[index].name
        width = _LETTER * len(name)
        for left, middle in ((x + 10, y), (x - 10 - width, y), (x - width / 2, y - 16), (x - width / 2, y + 16)):
            box = (left, middle - _LINE / 2, left + width, middle + _LINE / 2)
            inside = box[0] >= _LEFT and box[2] <= _WIDTH and box[1] >= 0 and box[3] <= _HEIGHT - _BOTTOM
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                parts.append(f'<text class="name" x="{left:g}" y="{middle + 4:g}">{escape(name)}</text>')
                break
    return parts


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
