"""Trucks, buses and trams."""

from __future__ import annotations

import numpy as np

from edgeseg.data.street.ids import BUS, TRAIN, TRUCK
from edgeseg.data.street.pen import Pen
from edgeseg.data.street.vehicle import Look, feet, lamps, wheels

__all__ = ["bus_face", "bus_flank", "train_face", "train_flank", "truck_bulkhead", "truck_face", "truck_flank"]


def _outline(half: float, foot: float, top: float, narrow: float) -> list[tuple[float, float]]:
    """A face whose upper corners are cut to `narrow` of its width."""
    eaves = top - 2 * half * (1 - narrow)
    return [(-half, foot), (half, foot), (half, eaves), (half * narrow, top), (-half * narrow, top), (-half, eaves)]


def _screen(half: float, foot: tuple[float, float], head: tuple[float, float]) -> list[tuple[float, float]]:
    """A trapezoid from (share of the width, height) to the same."""
    return [
        (-half * foot[0], foot[1]),
        (half * foot[0], foot[1]),
        (half * head[0], head[1]),
        (-half * head[0], head[1]),
    ]


def truck_flank(pen: Pen, look: Look) -> None:
    """Box, cab and three axles."""
    length, height = look.length, look.height
    cab = length - 2.1
    pen.rectangle((0.1, 0.55, length - 0.1, 1.05), look.metal * np.float32(0.5), TRUCK)
    pen.rectangle((0.0, 1.0, cab - 0.25, height), look.second, TRUCK)
    for u in np.arange(0.9, cab - 0.4, 1.1 + look.variant):
        pen.rectangle((u, 1.0, u + 0.07, height), look.second * np.float32(0.8), TRUCK)
    if look.variant > 0.5:
        pen.rectangle((0.8, height * 0.5, cab - 1.0, height * 0.72), look.paint, TRUCK)
    pen.polygon([(cab, 0.5), (length, 0.5), (length, 1.5), (length - 0.3, 2.75), (cab, 2.85)], look.paint, TRUCK)
    pen.polygon([(cab + 0.5, 1.6), (length - 0.12, 1.6), (length - 0.36, 2.5), (cab + 0.5, 2.5)], look.glass, TRUCK)
    wheels(pen, (1.0, 2.1, length - 1.1), 0.5, look, TRUCK)


def truck_bulkhead(pen: Pen, look: Look) -> None:
    """The front of the box, which rises behind the cab."""
    stage = pen.stage
    stage.facing(pen.x, pen.z + 2.35).rectangle((-look.half, 0.8, look.half, look.height), look.second, TRUCK)


def truck_face(pen: Pen, look: Look) -> None:
    """The doors of the box, or the cab."""
    half, height = look.half, look.height
    feet(pen, half, 0.95, 0.5, TRUCK)
    if look.away:
        pen.rectangle((-half, 1.0, half, height), look.second, TRUCK)
        for u in (-half, -0.04, half - 0.08):
            pen.rectangle((u, 1.0, u + 0.08, height), look.second * np.float32(0.62), TRUCK)
        for u in (-half * 0.6, half * 0.5):
            pen.rectangle((u, 1.1, u + 0.06, height - 0.1), look.metal, TRUCK)
        pen.rectangle((-half, 0.72, half, 1.0), look.metal * np.float32(0.45), TRUCK)
        for i, u in enumerate(np.linspace(-half, half - 0.31, 8)):
            stripe = np.array([190, 40, 36] if i % 2 else [222, 220, 210], np.float32)
            pen.rectangle((u, 0.5, u + 0.31, 0.66), stripe, TRUCK)
    else:
        pen.rectangle((-half, 0.4, half, 2.75), look.paint, TRUCK)
        pen.polygon(_screen(half, (0.88, 1.6), (0.84, 2.5)), look.glass, TRUCK)
        for v in (0.9, 1.1, 1.3):
            pen.rectangle((-half * 0.6, v, half * 0.6, v + 0.1), look.paint * np.float32(0.4), TRUCK)
    lamps(pen, look, 0.74, half * 0.95, 0.22, TRUCK)


def bus_flank(pen: Pen, look: Look) -> None:
    """A band of windows and two doors."""
    length, height = look.length, look.height
    pen.rectangle((0, 0.32, length, height), look.paint, BUS)
    pen.rectangle((0, 0.32, length, 0.75), look.second, BUS)
    pen.rectangle((0.25, 1.45, length - 0.1, height - 0.5), look.glass, BUS)
    for u in np.arange(1.6, length - 0.5, 1.5):
        pen.rectangle((u, 1.45, u + 0.1, height - 0.5), look.paint * np.float32(0.7), BUS)
    for u in (length * 0.3, length - 1.9):
        pen.rectangle((u, 0.42, u + 1.2, height - 0.45), look.glass * np.float32(0.8), BUS)
        pen.rectangle((u + 0.56, 0.42, u + 0.64, height - 0.45), look.paint * np.float32(0.8), BUS)
    wheels(pen, (2.4, length - 2.7), 0.48, look, BUS)


def bus_face(pen: Pen, look: Look) -> None:
    """A large window under the destination."""
    half, height = look.half, look.height
    feet(pen, half, 0.6, 0.35, BUS)
    pen.polygon(_outline(half, 0.32, height, 0.94), look.paint, BUS)
    pen.rectangle((-half, 0.32, half, 0.72), look.second, BUS)
    bottom = 1.7 if look.away else 1.15
    pen.rectangle((-half * 0.9, bottom, half * 0.9, height - 0.55), look.glass, BUS)
    board = np.array([20, 20, 22], np.float32)
    pen.rectangle((-half * 0.72, height - 0.46, half * 0.72, height - 0.14), board, BUS)
    end = half * (0.1 + 0.5 * look.variant)
    pen.rectangle((-half * 0.5, height - 0.36, end, height - 0.24), np.array([240, 170, 50], np.float32), BUS)
    if look.away:
        pen.rectangle((-half * 0.55, 0.8, half * 0.55, 1.35), look.paint * np.float32(0.6), BUS)
    else:
        pen.rectangle((-0.04, 1.15, 0.04, height - 0.55), look.paint * np.float32(0.5), BUS)
        for side in (-1, 1):
            pen.stroke((side * half, height - 0.6), (side * (half + 0.22), height - 1.1), 0.14, board, BUS)
    lamps(pen, look, 0.78, half * 0.96, 0.24, BUS)


def train_flank(pen: Pen, look: Look) -> None:
    """Windows and doors in three linked cars."""
    length, height = look.length, look.height
    pen.rectangle((0, 0.1, length, 0.5), look.metal * np.float32(0.35), TRAIN)
    pen.polygon([(0, 0.4), (length, 0.4), (length, height), (0, height)], look.paint, TRAIN)
    pen.rectangle((0, 0.4, length, 0.62), look.second * np.float32(0.6), TRAIN)
    pen.rectangle((0, 1.18, length, 1.42), look.second, TRAIN)
    for u in np.arange(1.0, length - 1.0, 2.4):
        pen.rectangle((u, 1.55, u + 1.9, height - 0.6), look.glass, TRAIN)
    for u in np.arange(3.0, length - 2.0, 7.2):
        pen.rectangle((u, 0.5, u + 1.4, height - 0.5), look.glass * np.float32(0.85), TRAIN)
        pen.rectangle((u + 0.66, 0.5, u + 0.74, height - 0.5), look.second, TRAIN)
    pen.rectangle((2.0, height, length - 2.0, height + 0.3), look.metal * np.float32(0.7), TRAIN)
    for u in np.arange(8.6, length - 1, 8.6):
        pen.rectangle((u, 0.4, u + 0.4, height), look.metal * np.float32(0.4), TRAIN)


def train_face(pen: Pen, look: Look) -> None:
    """A high windscreen, three lamps, a coupling and the pantograph."""
    half, height = look.half, look.height
    dark = look.metal * np.float32(0.35)
    pen.rectangle((-half, 0.1, half, 0.5), dark, TRAIN)
    pen.polygon(_outline(half, 0.4, height, 0.86), look.paint, TRAIN)
    pen.polygon(_screen(half, (0.9, 1.5), (0.78, height - 0.55)), look.glass, TRAIN)
    pen.rectangle((-half, 1.18, half, 1.42), look.second, TRAIN)
    pen.rectangle((-half * 0.4, height - 0.48, half * 0.4, height - 0.16), np.array([230, 190, 90], np.float32), TRAIN)
    for u in (-half * 0.62, 0.0, half * 0.62):
        pen.disc((u, 0.85), (0.15, 0.15), np.array([180, 50, 40] if look.away else [240, 236, 210], np.float32), TRAIN)
    pen.rectangle((-0.2, 0.4, 0.2, 0.62), dark, TRAIN)
    pen.stroke((0.0, height), (-0.7, height + 0.8), 0.06, dark, TRAIN)
    pen.stroke((-0.7, height + 0.8), (0.0, height + 1.5), 0.06, dark, TRAIN)
    pen.stroke((-0.7, height + 1.5), (0.7, height + 1.5), 0.08, dark, TRAIN)
