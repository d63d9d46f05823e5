"""A pen that draws on an upright plane somewhere in the street, in metres."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import hypot
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgeseg.data.street.camera import Camera, Colour, Light
from edgeseg.data.street.canvas import Canvas, Floats, Paint

__all__ = ["Pen", "Stage", "Texture"]

Texture: TypeAlias = Callable[[Floats, Floats], tuple[Floats, NDArray[np.bool_] | None]]
"""(u (1, w), v (h, w)) in metres on the plane -> colours (3, h, w) and the pixels to paint, None for all."""


class Stage:
    """What is drawn on, seen by what, under which light."""

    def __init__(self, canvas: Canvas, camera: Camera, light: Light) -> None:
        self.canvas = canvas
        self.camera = camera
        self.light = light

    def facing(self, x: float, z: float, *, flip: bool = False) -> Pen:
        """A plane that faces the camera; u runs right from `x`, or left when flipped."""
        return Pen(self, x, z, (-1.0 if flip else 1.0, 0.0), self.light.front)

    def flank(self, x: float, z: float, *, back: float = 0.0) -> Pen:
        """A plane along the street; u runs ahead from `z`, or back to it from `z + back`."""
        light = self.light.left if x > 0 else self.light.right
        return Pen(self, x, z + back, (0.0, -1.0 if back else 1.0), light)

    def shadow(self, x: float, z: float, half_width: float, half_length: float) -> None:
        """The dark patch under something that stands on the ground."""
        near, far = max(z - half_length, 1.0), z + half_length
        camera = self.camera
        corners = [(x - half_width, near), (x + half_width, near), (x + half_width, far), (x - half_width, far)]
        spans = self.canvas.polygon([camera.project(cx, 0.0, cz) for cx, cz in corners])
        self.canvas.darken(spans, 0.45 + 0.25 * (self.light.shadow == 1))


class Pen:
    """u runs along the plane, v up from the ground. Colours are lit and hazed on the way to the canvas."""

    def __init__(self, stage: Stage, x: float, z: float, along: tuple[float, float], light: float) -> None:
        self.stage = stage
        self.x, self.z, self.along, self.light = x, z, along, light
        self._faces = along[1] == 0
        self._air = stage.light.haze[:, None, None]

    def point(self, u: float, v: float) -> tuple[float, float]:
        """Pixel of a point on the plane."""
        return self.stage.camera.project(self.x + u * self.along[0], v, self.z + u * self.along[1])

    def per_metre(self, u: float = 0.0) -> float:
        """Pixels that a metre of height covers at u."""
        return self.stage.camera.scale / max(self.z + u * self.along[1], 0.5)

    def lit(self, colour: Colour, u: float = 0.0) -> Colour:
        """The colour as it arrives at the camera."""
        clear = self.stage.light.clear(self.z + u * self.along[1])
        return colour * np.float32(self.light * clear) + self.stage.light.haze * np.float32(1 - clear)

    def polygon(self, points: Sequence[tuple[float, float]], colour: Colour, label: int) -> None:
        """Fill a convex polygon of (u, v) corners."""
        canvas = self.stage.canvas
        canvas.fill(canvas.polygon([self.point(u, v) for u, v in points]), self.lit(colour, points[0][0]), label)

    def leaning(self, points: Sequence[tuple[float, float, float]], colour: Colour, label: int) -> None:
        """Fill a convex polygon of (u, v, depth) corners; depth is how far behind the plane, which faces the camera."""
        canvas, project = self.stage.canvas, self.stage.camera.project
        corners = [project(self.x + u * self.along[0], v, self.z + depth) for u, v, depth in points]
        canvas.fill(canvas.polygon(corners), self.lit(colour), label)

    def rectangle(self, box: tuple[float, float, float, float], colour: Colour, label: int) -> None:
        """Fill (u0, v0, u1, v1)."""
        u0, v0, u1, v1 = box
        if not self._faces:
            self.polygon([(u0, v0), (u1, v0), (u1, v1), (u0, v1)], colour, label)
            return
        (x0, bottom), (x1, top) = self.point(u0, v0), self.point(u1, v1)
        self.stage.canvas.box((min(x0, x1), top, max(x0, x1), bottom), self.lit(colour), label)

    def disc(self, at: tuple[float, float], radius: tuple[float, float], colour: Colour, label: int) -> None:
        """Fill an ellipse with radii along u and v."""
        canvas = self.stage.canvas
        (u, v), (along, up) = at, radius
        x, y = self.point(u, v)
        wide = abs(self.point(u + along, v)[0] - self.point(u - along, v)[0]) / 2
        canvas.fill(canvas.ellipse(x, y, wide, up * self.per_metre(u)), self.lit(colour, u), label)

    def stroke(
        self, start: tuple[float, float], end: tuple[float, float], width: float, colour: Colour, label: int
    ) -> None:
        """Draw a straight bar; one thinner than a pixel still shows as one."""
        (x0, y0), (x1, y1) = self.point(*start), self.point(*end)
        length = max(hypot(x1 - x0, y1 - y0), 1e-6)
        half = max(width * self.per_metre(start[0]), 1.1) / 2
        nx, ny = -(y1 - y0) / length * half, (x1 - x0) / length * half
        corners = [(x0 + nx, y0 + ny), (x1 + nx, y1 + ny), (x1 - nx, y1 - ny), (x0 - nx, y0 - ny)]
        canvas = self.stage.canvas
        canvas.fill(canvas.polygon(corners), self.lit(colour, start[0]), label)

    def texture(
        self, points: Sequence[tuple[float, float]], texture: Texture, label: int, *, solid: bool = False
    ) -> None:
        """Fill a convex polygon with a texture given in metres."""
        canvas = self.stage.canvas
        canvas.paint(canvas.polygon([self.point(u, v) for u, v in points]), self._paint(texture), label, solid=solid)

    def _paint(self, texture: Texture) -> Paint:
        camera, light = self.stage.camera, self.stage.light

        def paint(rows: Floats, columns: Floats) -> tuple[Floats, NDArray[np.bool_] | None]:
            slope = (columns - np.float32(camera.centre_px + 1e-4)) / np.float32(camera.scale)
            u = (self.x - slope * self.z) / (slope * self.along[1] - self.along[0])
            z = np.maximum(self.z + u * self.along[1], 0.5)
            v = camera.height_m - (rows - np.float32(camera.horizon_px)) * (z / camera.scale)
            colours, mask = texture(u.astype(np.float32), v.astype(np.float32))
            clear = np.exp(-z / light.haze_distance_m).astype(np.float32)
            return colours * (clear * np.float32(self.light)) + self._air * (1 - clear), mask

        return paint
