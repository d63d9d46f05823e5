"""Trucks, buses and trams."""

from __future__ import annotations

import numpy as np

from edgeseg.data.street.pen import Pen
from edgeseg.data.street.vehicle import Look, feet, lamps, wheels

__all__ = ["bus_face", "bus_flank", "train_face", "train_flank", "truck_bulkhead", "truck_face", "truck_flank"]

_TRUCK, _BUS, _TRAIN = 14, 15, 16


def truck_flank(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    """Box, cab and three axles."""
    length, height = look.length, look.height
    cab = length - 2.1
    pen.rectangle((0.1, 0.55, length - 0.1, 1.05), look.metal * np.float32(0.5), _TRUCK)
    pen.rectangle((0.0, 1.0, cab - 0.25, height), look.second, _TRUCK)
    for u in np.arange(0.9, cab - 0.4, 1.1 + look.variant):
        pen.rectangle((u, 1.0, u + 0.07, height), look.second * np.float32(0.8), _TRUCK)
    if look.variant > 0.5:
        pen.rectangle((0.8, height * 0.5, cab - 1.0, height * 0.72), look.paint, _TRUCK)
    pen.polygon([(cab, 0.5), (length, 0.5), (length, 1.5), (length - 0.3, 2.75), (cab, 2.85)], look.paint, _TRUCK)
    pen.polygon([(cab + 0.5, 1.6), (length - 0.12, 1.6), (length - 0.36, 2.5), (cab + 0.5, 2.5)], look.glass, _TRUCK)
    wheels(pen, (1.0, 2.1, length - 1.1), 0.5, look, _TRUCK)


def truck_bulkhead(pen: Pen, look: Look) -> None:
    """The front of the box, which rises behind the cab."""
    stage = pen.stage
    stage.facing(pen.x, pen.z + 2.35).rectangle((-look.half, 0.8, look.half, look.height), look.second, _TRUCK)


def truck_face(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    """The doors of the box, or the cab."""
    half, height = look.half, look.height
    feet(pen, half, 0.95, 0.5, _TRUCK)
    if look.away:
        pen.rectangle((-half, 1.0, half, height), look.second, _TRUCK)
        for u in (-half, -0.04, half - 0.08):
            pen.rectangle((u, 1.0, u + 0.08, height), look.second * np.float32(0.62), _TRUCK)
        for u in (-half * 0.6, half * 0.5):
            pen.rectangle((u, 1.1, u + 0.06, height - 0.1), look.metal, _TRUCK)
        pen.rectangle((-half, 0.72, half, 1.0), look.metal * np.float32(0.45), _TRUCK)
        for i, u in enumerate(np.linspace(-half, half - 0.31, 8)):
            stripe = np.array([190, 40, 36] if i % 2 else [222, 220, 210], np.float32)
            pen.rectangle((u, 0.5, u + 0.31, 0.66), stripe, _TRUCK)
    else:
        pen.rectangle((-half, 0.4, half, 2.75), look.paint, _TRUCK)
        pen.polygon(
            [(-half * 0.88, 1.6), (half * 0.88, 1.6), (half * 0.84, 2.5), (-half * 0.84, 2.5)], look.glass, _TRUCK
        )
        for v in (0.9, 1.1, 1.3):
            pen.rectangle((-half * 0.6, v, half * 0.6, v + 0.1), look.paint * np.float32(0.4), _TRUCK)
    lamps(pen, look, 0.74, half * 0.95, 0.22, _TRUCK)


def bus_flank(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    """A band of windows and two doors."""
    length, height = look.length, look.height
    pen.rectangle((0, 0.32, length, height), look.paint, _BUS)
    pen.rectangle((0, 0.32, length, 0.75), look.second, _BUS)
    pen.rectangle((0.25, 1.45, length - 0.1, height - 0.5), look.glass, _BUS)
    for u in np.arange(1.6, length - 0.5, 1.5):
        pen.rectangle((u, 1.45, u + 0.1, height - 0.5), look.paint * np.float32(0.7), _BUS)
    for u in (length * 0.3, length - 1.9):
        pen.rectangle((u, 0.42, u + 1.2, height - 0.45), look.glass * np.float32(0.8), _BUS)
        pen.rectangle((u + 0.56, 0.42, u + 0.64, height - 0.45), look.paint * np.float32(0.8), _BUS)
    wheels(pen, (2.4, length - 2.7), 0.48, look, _BUS)


def bus_face(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    """A large window under the destination."""
    half, height = look.half, look.height
    feet(pen, half, 0.6, 0.35, _BUS)
    pen.polygon(
        [
            (-half, 0.32),
            (half, 0.32),
            (half, height - 0.1),
            (half - 0.08, height),
            (0.08 - half, height),
            (-half, height - 0.1),
        ],
        look.paint,
        _BUS,
    )
    pen.rectangle((-half, 0.32, half, 0.72), look.second, _BUS)
    bottom = 1.7 if look.away else 1.15
    pen.rectangle((-half * 0.9, bottom, half * 0.9, height - 0.55), look.glass, _BUS)
    board = np.array([20, 20, 22], np.float32)
    pen.rectangle((-half * 0.72, height - 0.46, half * 0.72, height - 0.14), board, _BUS)
    pen.rectangle(
        (-half * 0.5, height - 0.36, half * rng.uniform(0.1, 0.6), height - 0.24),
        np.array([240, 170, 50], np.float32),
        _BUS,
    )
    if look.away:
        pen.rectangle((-half * 0.55, 0.8, half * 0.55, 1.35), look.paint * np.float32(0.6), _BUS)
    else:
        pen.rectangle((-0.04, 1.15, 0.04, height - 0.55), look.paint * np.float32(0.5), _BUS)
        for side in (-1, 1):
            pen.stroke((side * half, height - 0.6), (side * (half + 0.22), height - 1.1), 0.14, board, _BUS)
    lamps(pen, look, 0.78, half * 0.96, 0.24, _BUS)


def train_flank(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    """Windows and doors in three linked cars."""
    length, height = look.length, look.height
    pen.rectangle((0, 0.1, length, 0.5), look.metal * np.float32(0.35), _TRAIN)
    pen.polygon([(0, 0.4), (length, 0.4), (length, height), (0, height)], look.paint, _TRAIN)
    pen.rectangle((0, 0.4, length, 0.62), look.second * np.float32(0.6), _TRAIN)
    pen.rectangle((0, 1.18, length, 1.42), look.second, _TRAIN)
    for u in np.arange(1.0, length - 1.0, 2.4):
        pen.rectangle((u, 1.55, u + 1.9, height - 0.6), look.glass, _TRAIN)
    for u in np.arange(3.0, length - 2.0, 7.2):
        pen.rectangle((u, 0.5, u + 1.4, height - 0.5), look.glass * np.float32(0.85), _TRAIN)
        pen.rectangle((u + 0.66, 0.5, u + 0.74, height - 0.5), look.second, _TRAIN)
    pen.rectangle((2.0, height, length - 2.0, height + 0.3), look.metal * np.float32(0.7), _TRAIN)
    for u in np.arange(8.6, length - 1, 8.6):
        pen.rectangle((u, 0.4, u + 0.4, height), look.metal * np.float32(0.4), _TRAIN)


def train_face(pen: Pen, look: Look, rng: np.random.Generator) -> None:
    """A high windscreen, three lamps, a coupling and the pantograph."""
    half, height = look.half, look.height
    dark = look.metal * np.float32(0.35)
    pen.rectangle((-half, 0.1, half, 0.5), dark, _TRAIN)
    pen.polygon(
        [
            (-half, 0.4),
            (half, 0.4),
            (half, height - 0.3),
            (half * 0.86, height),
            (-half * 0.86, height),
            (-half, height - 0.3),
        ],
        look.paint,
        _TRAIN,
    )
    pen.polygon(
        [(-half * 0.9, 1.5), (half * 0.9, 1.5), (half * 0.78, height - 0.55), (-half * 0.78, height - 0.55)],
        look.glass,
        _TRAIN,
    )
    pen.rectangle((-half, 1.18, half, 1.42), look.second, _TRAIN)
    pen.rectangle((-half * 0.4, height - 0.48, half * 0.4, height - 0.16), np.array([230, 190, 90], np.float32), _TRAIN)
    for u in (-half * 0.62, 0.0, half * 0.62):
        pen.disc((u, 0.85), (0.15, 0.15), np.array([180, 50, 40] if look.away else [240, 236, 210], np.float32), _TRAIN)
    pen.rectangle((-0.2, 0.4, 0.2, 0.62), dark, _TRAIN)
    pen.stroke((0.0, height), (-0.7, height + 0.8), 0.06, dark, _TRAIN)
    pen.stroke((-0.7, height + 0.8), (0.0, height + 1.5), 0.06, dark, _TRAIN)
    pen.stroke((-0.7, height + 1.5), (0.7, height + 1.5), 0.08, dark, _TRAIN)
