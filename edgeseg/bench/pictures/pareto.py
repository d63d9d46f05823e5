"""The Pareto front: what nothing else beats in cost and worth at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["pareto_front"]


def pareto_front(points: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Of (cost, worth) pairs, the indices of those that no other dominates, by rising cost.

    A pair dominates another if it costs no more and is worth no less, and is better in one of the two. Equal pairs are
    on the front together or not at all.
    """
    found: list[int] = []
    best_cost, best_worth = math.inf, -math.inf
    for index in sorted(range(len(points)), key=lambda index: (points[index][0], -points[index][1])):
        cost, worth = points[index]
        if worth > best_worth or (cost, worth) == (best_cost, best_worth):
            found.append(index)
            best_cost, best_worth = cost, worth
    return tuple(found)
