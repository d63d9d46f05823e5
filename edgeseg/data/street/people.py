"""People on foot, and riders with their bicycles and motorcycles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeseg.data.street.camera import Colour, vary
from edgeseg.data.street.canvas import Floats
from edgeseg.data.street.ids import BICYCLE, MOTORCYCLE, PERSON, RIDER
from edgeseg.data.street.pen import Pen, Stage

__all__ = ["draw_cycle", "draw_person", "draw_rider"]

_CLOTHES = [
    (52, 56, 70), (36, 36, 40), (120, 44, 46), (62, 86, 128), (168, 160, 150), (92, 102, 72), (196, 188, 176),
    (150, 116, 60), (110, 74, 98), (70, 70, 72),
]  # fmt: skip
_SKIN = [(206, 160, 132), (176, 128, 100), (122, 84, 64), (222, 182, 156)]
_HAIR = [(46, 36, 30), (120, 90, 56), (150, 146, 142)]
_PAINTS = [(150, 40, 40), (40, 42, 46), (52, 84, 140), (190, 190, 188), (60, 110, 70), (204, 120, 40)]


def _clothes(rng: np.random.Generator) -> Colour:
    return vary(rng, _CLOTHES[rng.integers(len(_CLOTHES))], 22)


def _head(pen: Pen, rng: np.random.Generator, u: float, v: float, label: int, *, helmet: bool) -> None:
    skin = vary(rng, _SKIN[rng.integers(len(_SKIN))], 12)
    tops = _PAINTS if helmet else _HAIR
    hair = vary(rng, tops[rng.integers(len(tops))], 14)
    pen.disc((u, v), (0.11, 0.14), skin, label)
    pen.disc((u, v + 0.06), (0.13 if helmet else 0.115, 0.11), hair, label)


def draw_person(stage: Stage, rng: np.random.Generator, x: float, z: float) -> None:
    """Someone who stands or walks, 1.2 to 1.95 m tall."""
    tall = rng.uniform(1.55, 1.95) if rng.random() < 0.88 else rng.uniform(1.15, 1.4)
    k = tall / 1.75
    pen = stage.facing(x, z, flip=rng.random() < 0.5)
    coat, trousers, stride = _clothes(rng), _clothes(rng), rng.uniform(0.0, 0.32) * k
    skirt = rng.random() < 0.15
    stage.shadow(x, z, 0.35, 0.5)
    hip, shoulder = 0.88 * k, 1.46 * k
    for foot in (-stride, stride):
        leg = trousers * np.float32(0.85 if foot < 0 else 1.0)
        pen.polygon([(foot - 0.07, 0), (foot + 0.08, 0), (0.13 * k, hip), (-0.12 * k, hip)], leg, PERSON)
        pen.rectangle((foot - 0.08, 0, foot + 0.14, 0.08), vary(rng, (50, 44, 42), 16), PERSON)
    bottom = hip - (0.35 if skirt else 0.06) * k
    pen.polygon([(-0.19 * k, bottom), (0.19 * k, bottom), (0.24 * k, shoulder), (-0.24 * k, shoulder)], coat, PERSON)
    swing = rng.uniform(0.05, 0.3)
    for hand in (-swing, swing):
        side = np.sign(hand)
        pen.stroke((side * 0.23 * k, shoulder - 0.05), (hand + side * 0.12, hip), 0.11, coat * np.float32(0.86), PERSON)
    if rng.random() < 0.35:
        pen.rectangle((-0.34 * k, hip - 0.12, -0.16 * k, hip + 0.3), _clothes(rng), PERSON)
    _head(pen, rng, 0, shoulder + 0.16 * k, PERSON, helmet=False)


def _wheel(pen: Pen, u: float, radius: float, width: float, label: int) -> None:
    """A tyre that the street shows through, labelled whole."""
    tyre = np.array([30, 30, 32], np.float32)

    def texture(across: Floats, up: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        off_u, off_v = across - np.float32(u), up - np.float32(radius)
        far = np.sqrt(off_u * off_u + off_v * off_v)
        spokes = (np.abs(off_u) < 0.012) | (np.abs(off_v) < 0.012) | (np.abs(off_u - off_v) < 0.016)
        ring = ((far > radius - width) | spokes) & (far < radius)
        return np.broadcast_to(tyre[:, None, None], (3, *far.shape)), ring

    around = [(u + radius * np.cos(a), radius + radius * np.sin(a)) for a in np.arange(12) * (np.pi / 6)]
    pen.texture(around, texture, label, solid=True)


def _bicycle(pen: Pen, rng: np.random.Generator) -> None:
    """Seen from the side, hind wheel at u = -0.52, fore wheel at 0.52."""
    paint = vary(rng, _PAINTS[rng.integers(len(_PAINTS))], 20)
    for u in (-0.52, 0.52):
        _wheel(pen, u, 0.34, 0.055, BICYCLE)
    for start, end in (
        ((-0.52, 0.34), (-0.12, 0.3)), ((-0.52, 0.34), (-0.2, 0.85)), ((-0.12, 0.3), (-0.22, 0.92)),
        ((-0.12, 0.3), (0.38, 0.8)), ((-0.2, 0.82), (0.36, 0.84)), ((0.52, 0.34), (0.36, 1.02)),
    ):  # fmt: skip
        pen.stroke(start, end, 0.06, paint, BICYCLE)
    pen.rectangle((-0.34, 0.9, -0.1, 0.97), vary(rng, (36, 32, 32), 10), BICYCLE)
    pen.stroke((0.28, 1.06), (0.46, 1.02), 0.05, vary(rng, (60, 60, 62), 14), BICYCLE)


def _bicycle_end_on(pen: Pen, rng: np.random.Generator) -> None:
    paint = vary(rng, _PAINTS[rng.integers(len(_PAINTS))], 20)
    pen.rectangle((-0.04, 0, 0.04, 0.68), vary(rng, (30, 30, 32), 8), BICYCLE)
    pen.rectangle((-0.05, 0.5, 0.05, 0.98), paint, BICYCLE)
    pen.stroke((-0.3, 1.03), (0.3, 1.03), 0.06, vary(rng, (70, 70, 72), 14), BICYCLE)
    pen.rectangle((-0.1, 0.55, 0.1, 0.65), vary(rng, (180, 40, 36), 14), BICYCLE)


def _motorcycle(pen: Pen, rng: np.random.Generator) -> None:
    """Seen from the side: fat wheels, tank, engine block, seat, exhaust."""
    paint, dark = vary(rng, _PAINTS[rng.integers(len(_PAINTS))], 20), vary(rng, (44, 44, 48), 12)
    for u in (-0.68, 0.7):
        pen.disc((u, 0.32), (0.33, 0.33), np.array([26, 26, 28], np.float32), MOTORCYCLE)
        pen.disc((u, 0.32), (0.17, 0.17), vary(rng, (130, 130, 132), 16), MOTORCYCLE)
    pen.polygon([(-0.4, 0.22), (0.36, 0.22), (0.42, 0.66), (-0.34, 0.66)], dark, MOTORCYCLE)
    pen.polygon([(-0.98, 0.62), (-0.1, 0.58), (-0.06, 0.82), (-1.0, 0.86)], dark, MOTORCYCLE)
    pen.polygon([(-0.14, 0.62), (0.46, 0.66), (0.4, 1.0), (-0.06, 0.94)], paint, MOTORCYCLE)
    pen.polygon([(0.36, 0.6), (0.74, 0.62), (0.6, 1.16), (0.34, 1.04)], paint, MOTORCYCLE)
    pen.stroke((0.7, 0.32), (0.42, 1.08), 0.09, vary(rng, (150, 150, 152), 12), MOTORCYCLE)
    pen.stroke((-0.9, 0.3), (-0.1, 0.26), 0.11, vary(rng, (168, 168, 170), 12), MOTORCYCLE)


def _motorcycle_end_on(pen: Pen, rng: np.random.Generator) -> None:
    paint, dark = vary(rng, _PAINTS[rng.integers(len(_PAINTS))], 20), vary(rng, (40, 40, 44), 12)
    pen.rectangle((-0.1, 0, 0.1, 0.66), np.array([26, 26, 28], np.float32), MOTORCYCLE)
    pen.polygon([(-0.26, 0.4), (0.26, 0.4), (0.2, 0.98), (-0.2, 0.98)], paint, MOTORCYCLE)
    pen.rectangle((-0.42, 0.96, 0.42, 1.04), dark, MOTORCYCLE)
    pen.disc((0, 0.78), (0.11, 0.1), vary(rng, (220, 200, 170), 20), MOTORCYCLE)
    pen.rectangle((-0.36, 0.3, -0.2, 0.55), dark, MOTORCYCLE)


def draw_cycle(stage: Stage, rng: np.random.Generator, x: float, z: float, *, motor: bool) -> None:
    """A parked bicycle or motorcycle."""
    stage.shadow(x, z, 0.8, 0.4)
    pen = stage.facing(x, z, flip=rng.random() < 0.5)
    if rng.random() < 0.25:
        (_motorcycle_end_on if motor else _bicycle_end_on)(pen, rng)
    else:
        (_motorcycle if motor else _bicycle)(pen, rng)


def draw_rider(stage: Stage, rng: np.random.Generator, x: float, z: float, *, motor: bool) -> None:
    """Someone on a bicycle or motorcycle, from the side or end on."""
    coat, trousers = _clothes(rng), _clothes(rng)
    helmet = motor or rng.random() < 0.5
    pen = stage.facing(x, z, flip=rng.random() < 0.5)
    stage.shadow(x, z, 0.6, 0.6)
    if rng.random() < 0.5:
        (_motorcycle_end_on if motor else _bicycle_end_on)(pen, rng)
        for side in (-1, 1):
            pen.polygon(
                [(side * 0.08, 0.9), (side * 0.24, 0.92), (side * 0.26, 0.4), (side * 0.14, 0.32)], trousers, RIDER
            )
            pen.stroke((side * 0.22, 1.42), (side * 0.36, 1.06), 0.12, coat * np.float32(0.88), RIDER)
        pen.polygon([(-0.2, 0.86), (0.2, 0.86), (0.25, 1.48), (-0.25, 1.48)], coat, RIDER)
        _head(pen, rng, 0, 1.64, RIDER, helmet=helmet)
        return
    (_motorcycle if motor else _bicycle)(pen, rng)
    hip = (-0.28, 0.86 if motor else 0.98)
    foot = (0.02, 0.34) if motor else (rng.uniform(-0.16, 0.02), rng.uniform(0.14, 0.42))
    knee = (0.2, 0.7)
    pen.stroke(hip, knee, 0.17, trousers, RIDER)
    pen.stroke(knee, foot, 0.14, trousers * np.float32(0.9), RIDER)
    hip_u, hip_v, chest = hip[0], hip[1], hip[1] + 0.55
    back = [(hip_u - 0.12, hip_v - 0.06), (hip_u + 0.18, hip_v - 0.04), (0.2, chest), (-0.08, chest + 0.02)]
    pen.polygon(back, coat, RIDER)
    pen.stroke((0.06, chest - 0.06), (0.4, 1.06), 0.11, coat * np.float32(0.86), RIDER)
    _head(pen, rng, 0.14, chest + 0.2, RIDER, helmet=helmet)
