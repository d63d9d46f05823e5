"""Axes: where their ticks stand, and where a value lies on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Axis", "linear", "logarithmic"]

_MARGIN = 0.06
"""Of an axis, left free at both ends."""
_WANTED = 5


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`, with ticks between them."""

    low: float
    high: float
    ticks: tuple[float, ...]
    is_logarithmic: bool

    def share(self, value: float) -> float:
        """How far along the axis a value lies: 0 at the low end, 1 at the high one."""
        if self.is_logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def words(self, tick: float) -> str:
        """A tick as it is written."""
        return f"{tick:.6g}"


def linear(values: Sequence[float]) -> Axis:
    """Around values, with ticks at multiples of 1, 2 or 5 times a power of ten."""
    low, high = min(values), max(values)
    room = _MARGIN * (high - low) or 0.5
    low, high = low - room, high + room
    magnitude = 10.0 ** math.floor(math.log10((high - low) / _WANTED))
    step = next(magnitude * factor for factor in (1, 2, 5, 10) if magnitude * factor * _WANTED >= high - low)
    first = math.ceil(low / step)
    return Axis(low, high, tuple(step * n for n in range(first, math.floor(high / step) + 1)), False)


def logarithmic(values: Sequence[float]) -> Axis:
    """Around values above 0, with ticks at 1, 2 and 5 times powers of ten; in a narrow range as a linear axis has."""
    low, high = min(values), max(values)
    room = (high / low) ** _MARGIN if high > low else 1.2
    low, high = low / room, high * room
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = tuple(n * 10.0**power for power in powers for n in (1, 2, 5) if low <= n * 10.0**power <= high)
    if len(ticks) < 3:
        ticks = tuple(tick for tick in linear([low, high]).ticks if low <= tick <= high)
    return Axis(low, high, ticks, True)
