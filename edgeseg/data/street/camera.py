"""Where the camera stands and what light falls on the street.

World axes in metres: x to the right, y up from the ground, z ahead. Pixels follow from the image's height alone, so
that every size shows the same street, and another aspect only crops or widens it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.types import Size

__all__ = ["Camera", "Colour", "Light", "vary"]

Colour = NDArray[np.float32]
"""(3,) RGB, 0..255 before light."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks along z; `focal`, `horizon` and `centre` are in image heights."""

    size: Size
    focal: float
    height_m: float
    horizon: float
    centre: float

    @property
    def scale(self) -> float:
        """Pixels that one metre covers at a distance of one metre."""
        return self.focal * self.size.height

    @property
    def horizon_px(self) -> float:
        """Row of the horizon."""
        return self.horizon * self.size.height

    @property
    def centre_px(self) -> float:
        """Column of the vanishing point."""
        return self.size.width / 2 + self.centre * self.size.height

    def project(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Pixel (column, row) of a point in the world."""
        per_metre = self.scale / max(z, 0.5)
        return self.centre_px + x * per_metre, self.horizon_px + (self.height_m - y) * per_metre


@dataclass(frozen=True)
class Light:
    """Brightness of planes by where they face, colour of the air, and what the sensor makes of it."""

    front: float
    left: float
    right: float
    shadow: float
    """Brightness of ground in shadow; 1 where there is no sun."""
    sun_from: int
    """Side that shadows fall from: -1 left, 1 right."""
    haze: Colour
    haze_distance_m: float
    cast: Colour
    contrast: float
    blur: float
    noise: float

    def clear(self, z: float) -> float:
        """Share of an object's own colour that comes through the air from a distance of `z` metres."""
        return float(np.exp(-z / self.haze_distance_m))


def vary(rng: np.random.Generator, colour: Sequence[float] | Colour, amount: float = 18.0) -> Colour:
    """A colour near the given one: brightness moves with the channels together, hue by half as much."""
    shift = (rng.random(4) - 0.5) * amount
    varied: Colour = np.minimum(np.maximum(np.array(colour) + shift[:3] + 2 * shift[3], 4), 252).astype(np.float32)
    return varied
