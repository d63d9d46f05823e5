"""What all vehicles share: their look, wheels and lamps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeseg.data.street.camera import Colour
from edgeseg.data.street.pen import Pen

__all__ = ["TYRE", "Look", "feet", "lamps", "wheels"]

TYRE = np.array([28, 28, 30], np.float32)


@dataclass(frozen=True)
class Look:
    """Colours and proportions of one vehicle, in metres; `away` shows its rear. `variant` is uniform in 0..1."""

    paint: Colour
    second: Colour
    glass: Colour
    metal: Colour
    height: float
    length: float
    half: float
    away: bool
    variant: float


def wheels(pen: Pen, at: tuple[float, ...], radius: float, look: Look, label: int) -> None:
    """Round wheels on a flank."""
    for u in at:
        pen.disc((u, radius), (radius, radius), TYRE, label)
        pen.disc((u, radius), (radius * 0.58, radius * 0.58), look.metal, label)


def lamps(pen: Pen, look: Look, v: float, half: float, size: float, label: int) -> None:
    """Head or tail lamps at both edges of a face."""
    lamp = np.array([176, 30, 28] if look.away else [236, 234, 214], np.float32)
    for side in (-1, 1):
        inner, outer = side * (half - size * 1.6), side * half
        pen.rectangle((min(inner, outer), v, max(inner, outer), v + size), lamp, label)


def feet(pen: Pen, half: float, tall: float, wide: float, label: int) -> None:
    """Tyres that show under a face."""
    for u in (-half + 0.05, half - 0.05 - wide):
        pen.rectangle((u, 0, u + wide, tall), TYRE, label)
