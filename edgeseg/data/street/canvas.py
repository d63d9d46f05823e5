"""Convex shapes filled row by row into an image and its label map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.types import Size
from edgeseg.data.street.camera import Colour

__all__ = ["Canvas", "Floats", "Paint", "Spans"]

Floats: TypeAlias = NDArray[np.float32]
Paint: TypeAlias = Callable[[Floats, Floats], tuple[Floats, NDArray[np.bool_] | None]]
"""(rows (h, 1), columns (1, w)) -> colours (3, h, w) and the pixels to paint, None for all."""


@dataclass(frozen=True)
class Spans:
    """A convex shape: columns from `left` to `right` in each row from `top` on, in pixels."""

    top: int
    left: Floats
    right: Floats


@cache
def _ramp(rows: int) -> Floats:
    """Light that falls off from the top of a shape to its foot."""
    return np.linspace(1.08, 0.88, rows, dtype=np.float32)[:, None]


class Canvas:
    """An image under the brush: `image` (3, H, W) float32 in 0..255 and `label` (H, W) uint8."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.image: Floats = np.zeros((3, size.height, size.width), np.float32)
        self.label: NDArray[np.uint8] = np.full((size.height, size.width), 255, np.uint8)
        self._rows = np.arange(size.height, dtype=np.float32) + np.float32(0.5)
        self._columns = np.arange(size.width, dtype=np.float32) + np.float32(0.5)

    def polygon(self, points: Sequence[tuple[float, float]]) -> Spans | None:
        """The rows of a convex polygon given by (column, row) corners; None where no pixel centre lies in it."""
        ys, xs = [y for _, y in points], [x for x, _ in points]
        top, bottom = max(ceil(min(ys) - 0.5), 0), min(ceil(max(ys) - 0.5), self.size.height)
        if bottom <= top or max(xs) <= 0 or min(xs) >= self.size.width:
            return None
        edges = [(xs[i - 1], ys[i - 1], xs[i], ys[i]) for i in range(len(points))]
        turn = sum(x0 * y1 - x1 * y0 for x0, y0, x1, y1 in edges)
        rows = self._rows[top:bottom]
        left, right = np.full(bottom - top, -np.inf, np.float32), np.full(bottom - top, np.inf, np.float32)
        for x0, y0, x1, y1 in edges:
            if y0 == y1:
                continue
            at = (rows - y0) * ((x1 - x0) / (y1 - y0)) + x0
            if (y1 > y0) == (turn > 0):
                np.minimum(right, at, out=right)
            else:
                np.maximum(left, at, out=left)
        return Spans(top, left, right)

    def ellipse(self, x: float, y: float, radius_x: float, radius_y: float) -> Spans | None:
        """The rows of an upright ellipse."""
        top, bottom = max(ceil(y - radius_y - 0.5), 0), min(ceil(y + radius_y - 0.5), self.size.height)
        if bottom <= top:
            return None
        half = radius_x * np.sqrt(np.maximum(1 - ((self._rows[top:bottom] - y) / radius_y) ** 2, 0))
        return Spans(top, (x - half).astype(np.float32), (x + half).astype(np.float32))

    def _window(self, spans: Spans) -> tuple[slice, slice, NDArray[np.bool_]] | None:
        first = max(ceil(float(spans.left.min()) - 0.5), 0)
        last = min(ceil(float(spans.right.max()) - 0.5), self.size.width)
        if last <= first:
            return None
        columns = self._columns[first:last]
        mask = (columns >= spans.left[:, None]) & (columns < spans.right[:, None])
        return slice(spans.top, spans.top + len(spans.left)), slice(first, last), mask

    def fill(self, spans: Spans | None, colour: Colour, label: int) -> None:
        """Fill a shape with one colour, a little darker towards its foot."""
        window = None if spans is None else self._window(spans)
        if window is None:
            return
        rows, columns, mask = window
        np.copyto(self.image[:, rows, columns], colour[:, None, None] * _ramp(len(mask)), where=mask)
        np.copyto(self.label[rows, columns], np.uint8(label), where=mask)

    def box(self, box: tuple[float, float, float, float], colour: Colour, label: int) -> None:
        """Fill an upright rectangle (left, top, right, bottom); one thinner than a pixel still shows as one."""
        left, top, right, bottom = box
        if right - left < 0.3 or bottom - top < 0.3:
            return
        x0, y0 = max(round(left), 0), max(round(top), 0)
        x1 = min(max(round(right), round(left) + 1), self.size.width)
        y1 = min(max(round(bottom), round(top) + 1), self.size.height)
        if x1 <= x0 or y1 <= y0:
            return
        self.image[:, y0:y1, x0:x1] = colour[:, None, None] * _ramp(y1 - y0)
        self.label[y0:y1, x0:x1] = label

    def paint(self, spans: Spans | None, paint: Paint, label: int, *, solid: bool = False) -> None:
        """Fill a shape with a texture; `solid` labels the whole shape where the texture leaves holes."""
        window = None if spans is None else self._window(spans)
        if window is None:
            return
        rows, columns, mask = window
        colours, holes = paint(self._rows[rows, None], self._columns[None, columns])
        painted = mask if holes is None else mask & holes
        np.copyto(self.image[:, rows, columns], colours, where=painted)
        np.copyto(self.label[rows, columns], np.uint8(label), where=mask if solid else painted)

    def darken(self, spans: Spans | None, factor: float) -> None:
        """Throw a shadow over a shape."""
        window = None if spans is None else self._window(spans)
        if window is not None:
            rows, columns, mask = window
            view = self.image[:, rows, columns]
            np.multiply(view, np.float32(factor), out=view, where=mask)
