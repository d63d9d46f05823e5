"""Poles, traffic lights and traffic signs."""

from __future__ import annotations

import numpy as np

from edgeseg.data.street.camera import vary
from edgeseg.data.street.ids import LIGHT, POLE, SIGN
from edgeseg.data.street.pen import Pen, Stage

__all__ = ["draw_lamp", "draw_sign", "draw_traffic_light"]


def _post(pen: Pen, rng: np.random.Generator, height: float, thick: float) -> None:
    colour = vary(rng, [(112, 114, 116), (74, 76, 78), (150, 150, 148), (88, 96, 88)][rng.integers(4)], 16)
    pen.rectangle((-thick / 2, 0, thick / 2, height), colour, POLE)
    pen.rectangle((-thick / 2, 0, -thick / 6, height), colour * np.float32(1.25), POLE)


def draw_lamp(stage: Stage, rng: np.random.Generator, x: float, z: float) -> None:
    """A street lamp, a bollard or a bare post."""
    pen, height = stage.facing(x, z, flip=x > 0), rng.uniform(5.0, 8.5)
    if rng.random() < 0.2:
        _post(pen, rng, rng.uniform(0.9, 1.2), 0.16)
        return
    _post(pen, rng, height, rng.uniform(0.14, 0.26))
    arm, colour = rng.uniform(0.6, 2.2), vary(rng, (110, 112, 114), 22)
    pen.stroke((0, height - 0.05), (arm, height + 0.25), 0.1, colour, POLE)
    pen.rectangle((arm - 0.1, height + 0.16, arm + 0.55, height + 0.32), colour * np.float32(1.3), POLE)


def _lamps(pen: Pen, rng: np.random.Generator, u: float, v: float) -> None:
    """A housing with three lamps, its foot at v."""
    colour = vary(rng, [(34, 36, 36), (52, 58, 48), (170, 140, 50)][rng.integers(3)], 10)
    pen.rectangle((u - 0.2, v, u + 0.2, v + 1.15), colour, LIGHT)
    burning = rng.integers(3)
    shades = [((60, 215, 150), (24, 48, 40)), ((245, 180, 50), (62, 50, 26)), ((245, 60, 48), (66, 26, 24))]
    for i, (on, off) in enumerate(shades):
        lamp = vary(rng, on if i == burning else off, 8)
        pen.disc((u, v + 0.22 + 0.35 * i), (0.14, 0.14), lamp, LIGHT)


def draw_traffic_light(stage: Stage, rng: np.random.Generator, x: float, z: float) -> None:
    """A post with lamps beside it, sometimes with an arm over the road."""
    pen = stage.facing(x, z, flip=x > 0)
    overhead = rng.random() < 0.4
    height, reach = (rng.uniform(5.2, 5.8), rng.uniform(2.0, 4.0)) if overhead else (rng.uniform(2.9, 3.4), 0.0)
    _post(pen, rng, height, 0.2 if overhead else 0.15)
    if overhead:
        pen.stroke((0, height), (reach, height), 0.16, vary(rng, (112, 112, 112), 20), POLE)
        _lamps(pen, rng, reach, height - 1.0)
    _lamps(pen, rng, 0.24 if overhead else 0.0, 2.3)


def draw_sign(stage: Stage, rng: np.random.Generator, x: float, z: float) -> None:
    """A round, triangular, square or lettered sign on a post."""
    pen, height = stage.facing(x, z), rng.uniform(2.0, 2.7)
    _post(pen, rng, height + 0.5, 0.1)
    red, blue, white = vary(rng, (190, 44, 44), 16), vary(rng, (40, 78, 150), 16), vary(rng, (226, 224, 216), 14)
    yellow = vary(rng, (222, 180, 50), 16)
    size = rng.uniform(0.34, 0.46)
    v = height + size * 0.4

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(u * size, v + w * size) for u, w in points]

    match int(rng.integers(6)):
        case 0:
            pen.disc((0, v), (size, size), red, SIGN)
            pen.disc((0, v), (size * 0.72, size * 0.72), white, SIGN)
        case 1:
            pen.polygon(at((-1.1, -1), (1.1, -1), (0, 1)), red, SIGN)
            pen.polygon(at((-0.7, -0.75), (0.7, -0.75), (0, 0.5)), white, SIGN)
        case 2:
            pen.rectangle((-size, v - size, size, v + size), blue, SIGN)
            pen.polygon(at((-0.5, -0.5), (0.5, -0.5), (0, 0.6)), white, SIGN)
        case 3:
            pen.disc((0, v), (size, size), blue, SIGN)
            pen.stroke((-size * 0.4, v), (size * 0.5, v), 0.14, white, SIGN)
        case 4:
            pen.polygon(at((-1, 0), (0, -1), (1, 0), (0, 1)), white, SIGN)
            pen.polygon(at((-0.7, 0), (0, -0.7), (0.7, 0), (0, 0.7)), yellow, SIGN)
        case _:
            board = [blue, yellow, white][rng.integers(3)]
            pen.rectangle((-size * 2.2, v - size * 0.6, size * 2.2, v + size * 1.4), board, SIGN)
            ink = white if board is blue else vary(rng, (40, 40, 44), 10)
            for row in (v, v + 0.55 * size):
                pen.rectangle((-size * 1.8, row, size * rng.uniform(0.4, 1.7), row + 0.25 * size), ink, SIGN)
