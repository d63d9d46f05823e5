from __future__ import annotations

import random

import pytest

from edgeseg.bench.pictures.pareto import pareto_front


def beaten(points: list[tuple[float, float]], one: tuple[float, float]) -> bool:
    return any(cost <= one[0] and worth >= one[1] and (cost, worth) != one for cost, worth in points)


@pytest.mark.parametrize("seed", range(20))
def test_exactly_those_that_none_beats_by_rising_cost(seed: int) -> None:
    draw = random.Random(seed)
    points = [(float(draw.randrange(12)), float(draw.randrange(12))) for _ in range(seed * 3)]
    front = pareto_front(points)
    assert sorted(front) == [i for i, point in enumerate(points) if not beaten(points, point)]
    assert [points[i] for i in front] == sorted(points[i] for i in front)


def test_equal_points_are_on_it_together() -> None:
    assert pareto_front([(1, 5), (2, 6), (1, 5), (2, 6), (2, 5), (3, 6)]) == (0, 2, 1, 3)
    assert pareto_front([]) == ()
