from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from edgeseg.bench.pictures.plot import Point, scatter
from edgeseg.bench.pictures.ticks import linear, logarithmic

SVG = "{http://www.w3.org/2000/svg}"


def point(cost: float, worth: float, name: str = "net", **changes: object) -> Point:
    return Point(cost, worth, name, f"{name}: {cost}", "row-0", "onnx int8", **changes)  # type: ignore[arg-type]


def drawn(points: list[Point]) -> ET.Element:
    return ET.fromstring(scatter(points, "Title", "ms", "%").replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"'))


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([10.0, 100.0], [10, 20, 50, 100]),
        ([0.4, 3.0], [0.5, 1, 2]),
        ([7.0, 7.2], [7.0, 7.1, 7.2]),
    ],
)
def test_ticks_of_a_logarithmic_axis(values: list[float], ticks: list[float]) -> None:
    axis = logarithmic(values)
    assert list(axis.ticks) == pytest.approx(ticks)
    assert axis.low < min(values) <= max(values) < axis.high
    assert (axis.share(axis.low), axis.share(axis.high)) == (0, 1)


@pytest.mark.parametrize("values", [[50.0, 70.0], [0.1, 0.1], [-3.0, 1e4], [69.9, 70.0], [1.0, 1.0 + 1e-3]])
def test_ticks_of_a_linear_axis(values: list[float]) -> None:
    axis = linear(values)
    assert 2 <= len(axis.ticks) <= 11
    assert all(axis.low <= tick <= axis.high for tick in axis.ticks)
    assert len({axis.words(tick) for tick in axis.ticks}) == len(axis.ticks)


@pytest.mark.parametrize("cost", [1e-3, 1.0, 123.4])
def test_a_lone_point_has_axes(cost: float) -> None:
    assert len(drawn([point(cost, 50.0)]).findall(f"{SVG}a")) == 1


def test_points_lie_where_their_figures_say() -> None:
    svg = drawn([point(10, 50), point(100, 60), point(1000, 55, shape=1)])
    one, two = (a.find(f"{SVG}circle") for a in svg.findall(f"{SVG}a")[:2])
    assert float(two.get("cx")) > float(one.get("cx"))  # type: ignore[union-attr, arg-type]
    assert float(two.get("cy")) < float(one.get("cy"))  # type: ignore[union-attr, arg-type]
    assert svg.findall(f"{SVG}a")[2].find(f"{SVG}polygon") is not None
    x = {t.text: float(t.get("x")) for t in svg.findall(f"{SVG}text") if t.get("class") == "tick"}  # type: ignore[arg-type]
    assert x["10"] == float(one.get("cx"))  # type: ignore[union-attr, arg-type]
    assert x["100"] - x["10"] == pytest.approx(x["1000"] - x["100"], abs=0.2)


def test_every_group_has_a_front_in_steps() -> None:
    svg = drawn([point(1, 10), point(2, 20), point(3, 15), point(5, 5, group="slow"), point(6, 7, group="slow")])
    lines = [line.get("points") for line in svg.findall(f"{SVG}polyline")]
    assert len(lines) == 2
    places = [tuple(map(float, pair.split(","))) for pair in str(lines[0]).split()]
    assert len(places) == 3
    assert places[0][1] == places[1][1]
    assert places[1][0] == places[2][0]


def test_names_are_escaped_and_do_not_overlap() -> None:
    text = scatter([point(1, 1, "<b>&amp;")], "T", "x", "y")
    assert "<b>" not in text
    assert "&lt;b&gt;&amp;amp;" in text
    crowd = [point(1, 1, "crowd") for _ in range(40)]
    assert len(re.findall('class="name"', scatter(crowd, "T", "x", "y"))) == 4


def test_nothing_to_draw_is_said() -> None:
    assert scatter([], "Latency & mIoU", "x", "y") == (
        "<p>Latency &amp; mIoU: nothing was measured that could be drawn.</p>"
    )
