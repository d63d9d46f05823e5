"""Cars, trucks, buses and trams: a face towards the camera and a flank along the street, or the flank alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeseg.data.street.camera import vary
from edgeseg.data.street.cars import car_face, car_flank
from edgeseg.data.street.heavy import (
    bus_face,
    bus_flank,
    train_face,
    train_flank,
    truck_bulkhead,
    truck_face,
    truck_flank,
)
from edgeseg.data.street.pen import Pen, Stage
from edgeseg.data.street.vehicle import Look

__all__ = ["LENGTH_M", "draw_vehicle"]

LENGTH_M = {"car": 4.3, "van": 5.0, "truck": 8.5, "bus": 11.5, "train": 26.0}
_WIDTH_M = {"car": 1.8, "van": 1.95, "truck": 2.5, "bus": 2.55, "train": 2.5}
_CAR_PAINTS = [
    (196, 198, 200), (232, 232, 230), (40, 42, 46), (96, 98, 102), (140, 142, 146), (146, 34, 36), (44, 70, 122),
    (70, 96, 74), (188, 168, 128), (206, 168, 44), (72, 52, 46), (110, 132, 156),
]  # fmt: skip
_BIG_PAINTS = [
    (190, 52, 44), (222, 216, 204), (210, 168, 52), (60, 96, 150), (84, 130, 90), (150, 152, 154), (206, 116, 44),
]  # fmt: skip
_Draw = Callable[[Pen, Look], None]
_PARTS: dict[str, tuple[_Draw, _Draw]] = {
    "car": (car_face, car_flank),
    "van": (car_face, car_flank),
    "truck": (truck_face, truck_flank),
    "bus": (bus_face, bus_flank),
    "train": (train_face, train_flank),
}
_HEIGHT_M = {"car": (1.38, 1.6), "van": (1.85, 2.2), "truck": (3.1, 3.9), "bus": (2.9, 3.3), "train": (3.3, 3.7)}


def _look(rng: np.random.Generator, kind: str, *, away: bool) -> Look:
    paints = _CAR_PAINTS if kind in ("car", "van") else _BIG_PAINTS
    return Look(
        paint=vary(rng, paints[rng.integers(len(paints))], 20),
        second=vary(rng, _BIG_PAINTS[rng.integers(len(_BIG_PAINTS))], 24),
        glass=vary(rng, (50, 58, 66), 18),
        metal=vary(rng, (140, 140, 142), 24),
        height=rng.uniform(*_HEIGHT_M[kind]),
        length=LENGTH_M[kind] * rng.uniform(0.92, 1.08),
        half=_WIDTH_M[kind] / 2,
        away=away,
        variant=rng.random(),
    )


def draw_vehicle(stage: Stage, rng: np.random.Generator, *, kind: str, x: float, z: float, heading: str) -> None:
    """Draw one with its near end at z, centred on x. `heading`: away, toward, left or right."""
    look = _look(rng, kind, away=heading == "away")
    face, flank = _PARTS[kind]
    if heading in ("left", "right"):
        stage.shadow(x, z, look.length / 2, 0.9)
        start = x - look.length / 2 if heading == "right" else x + look.length / 2
        flank(stage.facing(start, z, flip=heading == "left"), look)
        return
    stage.shadow(x, z + look.length / 2, look.half + 0.15, look.length / 2 + 0.3)
    if kind == "truck" and not look.away:
        truck_bulkhead(stage.facing(x, z), look)
    if abs(x) > look.half:
        inner = x - look.half if x > 0 else x + look.half
        flank(stage.flank(inner, z, back=0.0 if look.away else look.length), look)
    face(stage.facing(x, z), look)
