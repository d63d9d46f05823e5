"""Cars and vans."""

from __future__ import annotations

import numpy as np

from edgeseg.data.street.ids import CAR
from edgeseg.data.street.pen import Pen
from edgeseg.data.street.vehicle import Look, feet, lamps, wheels

__all__ = ["car_face", "car_flank"]


def _screens(look: Look) -> tuple[tuple[float, float], tuple[float, float]]:
    """How far in from its end each screen stands at its foot and at its head: rear, then front."""
    van = look.height > 1.75
    boot, bonnet = (0.1 if van else 0.5 * look.variant), (1.0 if van else 1.25)
    return (boot * 0.6, boot + 0.28), (bonnet, bonnet + 0.75)


def car_flank(pen: Pen, look: Look) -> None:
    """Body, cabin with side windows, two wheels; the bonnet is at u = length."""
    length, height = look.length, look.height
    (rear_foot, rear_head), (front_foot, front_head) = _screens(look)
    front_foot, front_head = length - front_foot, length - front_head
    pen.polygon([(0, 0.3), (length, 0.3), (length, 0.66), (length - 0.1, 0.9), (0.04, 0.96), (0, 0.8)], look.paint, CAR)
    cabin = [(rear_foot, 0.92), (front_foot, 0.88), (front_head, height), (rear_head, height)]
    pen.polygon(cabin, look.paint * np.float32(0.94), CAR)
    top = height - 0.1
    panes = [(rear_foot + 0.2, 0.98), (front_foot - 0.2, 0.96), (front_head - 0.04, top), (rear_head + 0.12, top)]
    pen.polygon(panes, look.glass, CAR)
    pen.rectangle((length * 0.46, 0.92, length * 0.46 + 0.09, height - 0.06), look.paint * np.float32(0.9), CAR)
    pen.rectangle((0.3, 0.26, length - 0.3, 0.36), look.paint * np.float32(0.45), CAR)
    wheels(pen, (0.8, length - 0.85), 0.32, look, CAR)


def car_face(pen: Pen, look: Look) -> None:
    """Rear or front: the screen leans back behind the boot or bonnet."""
    half, height = look.half, look.height
    foot, head = _screens(look)[0 if look.away else 1]
    feet(pen, half, 0.42, 0.26, CAR)
    corners = [(-half, 0.92, foot), (half, 0.92, foot), (half, height, head), (-half, height, head)]
    pen.leaning(corners, look.paint * np.float32(0.96), CAR)
    pen.leaning([(u * 0.86, 1.0 if v < 1 else v - 0.09, depth) for u, v, depth in corners], look.glass, CAR)
    deck = [(-half, 0.92, foot), (half, 0.92, foot), (half * 0.96, 0.93, 0), (-half * 0.96, 0.93, 0)]
    pen.leaning(deck, look.paint * np.float32(1.08), CAR)
    body = [(-half, 0.34), (half, 0.34), (half, 0.8), (half * 0.96, 0.95), (-half * 0.96, 0.95), (-half, 0.8)]
    pen.polygon(body, look.paint, CAR)
    pen.rectangle((-half * 0.96, 0.26, half * 0.96, 0.44), look.paint * np.float32(0.42), CAR)
    lamps(pen, look, 0.66, half * 0.97, 0.17, CAR)
    pen.rectangle((-0.26, 0.5, 0.26, 0.62), np.array([214, 212, 200], np.float32), CAR)
    if not look.away:
        pen.rectangle((-half * 0.5, 0.62, half * 0.5, 0.76), look.paint * np.float32(0.35), CAR)
