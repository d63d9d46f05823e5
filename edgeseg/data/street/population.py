"""What stands and moves in a street: vehicles, riders, people, posts and trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

import numpy as np

from edgeseg.data.street.furniture import draw_lamp, draw_sign, draw_traffic_light
from edgeseg.data.street.ground import Ground
from edgeseg.data.street.pen import Stage
from edgeseg.data.street.people import draw_cycle, draw_person, draw_rider
from edgeseg.data.street.roadside import draw_tree
from edgeseg.data.street.traffic import LENGTH_M, draw_vehicle

__all__ = ["Thing", "sample_population"]

Thing: TypeAlias = tuple[float, Callable[[Stage, np.random.Generator], None]]
"""Distance in metres, and how to draw it."""


class _Lanes:
    """The stretches of road that are taken, so that no two vehicles stand in each other."""

    def __init__(self) -> None:
        self._taken: list[tuple[float, float, float]] = []

    def take(self, x: float, z: float, length: float) -> bool:
        """Whether a place is free; it is taken from then on."""
        if any(abs(x - at) < 2.2 and z < end + 1.5 and z + length > start - 1.5 for at, start, end in self._taken):
            return False
        self._taken.append((x, z, z + length))
        return True


def sample_population(rng: np.random.Generator, ground: Ground) -> list[Thing]:
    """Everything that stands on the ground, in no order."""
    lanes = _Lanes()
    return [
        *_large(rng, ground, lanes),
        *_driving(rng, ground, lanes),
        *_parked(rng, ground, lanes),
        *_crossing(rng, lanes),
        *_riding(rng, ground, lanes),
        *_pavement(rng, ground),
        *_walking(rng, ground),
    ]


def _large(rng: np.random.Generator, ground: Ground, lanes: _Lanes) -> Iterator[Thing]:
    """A tram where there are rails, a bus, a truck."""
    lane, (left, right) = ground.lane_m, ground.road
    if ground.rails_x is not None:
        z = rng.uniform(9, 32)
        lanes.take(ground.rails_x, z, LENGTH_M["train"])
        yield _vehicle("train", ground.rails_x, z, "toward" if ground.rails_x < 0 else "away")
    for kind, share in (("bus", 0.3), ("truck", 0.32)):
        if rng.random() < share:
            x, z = float(rng.choice([-lane, 0.0, lane])), rng.uniform(8, 34)
            x = x if left + 1.2 < x < right - 1.2 else -lane
            if lanes.take(x, z, LENGTH_M[kind]):
                yield _vehicle(kind, x, z, "toward" if x < 0 else "away")


def _driving(rng: np.random.Generator, ground: Ground, lanes: _Lanes) -> Iterator[Thing]:
    """Cars in their lanes."""
    lane, (left, right) = ground.lane_m, ground.road
    for _ in range(int(rng.integers(1, 7))):
        x, z = float(rng.choice([-lane, 0.0, lane]) + rng.normal(0, 0.2)), float(7 + rng.exponential(22))
        if left + 1 < x < right - 1 and lanes.take(x, z, 4.5):
            kind = str(rng.choice(["car", "van"], p=[0.85, 0.15]))
            yield _vehicle(kind, x, z, "toward" if x < -1 else "away")


def _parked(rng: np.random.Generator, ground: Ground, lanes: _Lanes) -> Iterator[Thing]:
    """Rows of cars at the kerbs."""
    for x in (ground.road[0] + 1.05, ground.road[1] - 1.05):
        z = rng.uniform(4, 9)
        if rng.random() < 0.55:
            while z < 80:
                if rng.random() < 0.7 and lanes.take(x, z, 4.5):
                    kind = str(rng.choice(["car", "van", "truck"], p=[0.84, 0.12, 0.04]))
                    yield _vehicle(kind, x, z, "away" if rng.random() < 0.8 else "toward")
                z += rng.uniform(5.2, 8)


def _crossing(rng: np.random.Generator, lanes: _Lanes) -> Iterator[Thing]:
    """A vehicle seen from its side."""
    if rng.random() < 0.22:
        kind, z = str(rng.choice(["car", "van", "truck", "bus"], p=[0.6, 0.12, 0.16, 0.12])), rng.uniform(12, 30)
        if lanes.take(0, z, 2):
            yield _vehicle(kind, rng.uniform(-6, 6), z, str(rng.choice(["left", "right"])))


def _riding(rng: np.random.Generator, ground: Ground, lanes: _Lanes) -> Iterator[Thing]:
    """Riders on the road, on bicycles and motorcycles."""
    left, right = ground.road
    for motor, share in ((False, 0.6), (True, 0.45)):
        while rng.random() < share:
            x, z = rng.uniform(max(left, -6) + 0.6, right - 0.5), rng.uniform(4.5, 22)
            if lanes.take(x, z, 0.8):
                yield z, partial(draw_rider, x=x, z=z, motor=motor)


def _vehicle(kind: str, x: float, z: float, heading: str) -> Thing:
    return z, partial(draw_vehicle, kind=kind, x=x, z=z, heading=heading)


def _pavement(rng: np.random.Generator, ground: Ground) -> Iterator[Thing]:
    """Both sides: posts, lights, signs, trees, people and parked cycles."""
    light_z = rng.uniform(8, 26)
    lights = rng.random() < 0.6
    for side, sign in ((0, -1.0), (1, 1.0)):
        kerb = ground.road[side] + sign * (0.45 + ground.verge[side])
        verge = ground.road[side] + sign * max(ground.verge[side] * 0.5, 0.5)
        outer = ground.sidewalk[side] - sign * 0.4
        z, step = rng.uniform(4, 16), rng.uniform(12, 26)
        while z < 100:
            yield z, partial(draw_lamp, x=kerb, z=z)
            z += step
        if lights:
            yield light_z, partial(draw_traffic_light, x=kerb, z=light_z)
        for _ in range(int(rng.integers(0, 4))):
            z = float(5 + rng.exponential(12))
            yield z, partial(draw_sign, x=kerb, z=z)
        yield from _trees(rng, verge, outer, sign)
        yield from _on_foot(rng, min(kerb, outer), max(kerb, outer))


def _trees(rng: np.random.Generator, verge: float, outer: float, sign: float) -> Iterator[Thing]:
    """An avenue on the verge, and a few trees behind the pavement."""
    if rng.random() < 0.45:
        z, step = rng.uniform(6, 16), rng.uniform(5, 14)
        while z < 90:
            yield z, partial(draw_tree, x=verge, z=z)
            z += step * rng.uniform(0.8, 1.3)
    for _ in range(int(rng.integers(0, 3))):
        z = rng.uniform(8, 70)
        yield z, partial(draw_tree, x=outer + sign * rng.uniform(1.5, 8), z=z)


def _on_foot(rng: np.random.Generator, left: float, right: float) -> Iterator[Thing]:
    """People and parked cycles on one pavement."""
    for _ in range(int(rng.poisson(2.6))):
        z = float(5 + rng.exponential(14))
        yield z, partial(draw_person, x=rng.uniform(left, right), z=z)
    for motor, share in ((False, 0.45), (True, 0.28)):
        if rng.random() < share:
            z, x = rng.uniform(5, 18), rng.uniform(left, right)
            for i in range(int(rng.integers(1, 4))):
                yield z + 0.7 * i, partial(draw_cycle, x=x + 0.3 * i, z=z + 0.7 * i, motor=motor)


def _walking(rng: np.random.Generator, ground: Ground) -> Iterator[Thing]:
    """People on the road."""
    if rng.random() < 0.35:
        for _ in range(int(rng.integers(1, 4))):
            z = rng.uniform(7, 28)
            yield z, partial(draw_person, x=rng.uniform(*ground.road), z=z)
