"""One street: what stands where, drawn from far to near, then seen through a sensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.types import Size
from edgeseg.data.street.camera import Camera, Light, vary
from edgeseg.data.street.canvas import Canvas
from edgeseg.data.street.furniture import draw_lamp, draw_sign, draw_traffic_light
from edgeseg.data.street.ground import Ground, draw_ground, draw_sky
from edgeseg.data.street.noise import grain
from edgeseg.data.street.pen import Stage
from edgeseg.data.street.people import draw_cycle, draw_person, draw_rider
from edgeseg.data.street.roadside import Segment, draw_segment, draw_tree
from edgeseg.data.street.traffic import LENGTH_M, draw_vehicle

__all__ = ["render"]

_Thing = tuple[float, Callable[[Stage, np.random.Generator], None]]
"""Distance, and how to draw it."""

_IGNORE = 255
_FAR_M = 130.0
_STYLES = {
    "city": {"building": 0.78, "wall": 0.08, "fence": 0.08, "hedge": 0.06},
    "suburb": {"building": 0.36, "wall": 0.18, "fence": 0.24, "hedge": 0.22},
    "park": {"building": 0.08, "wall": 0.14, "fence": 0.2, "hedge": 0.34, "gap": 0.24},
    "works": {"building": 0.34, "wall": 0.32, "fence": 0.26, "hedge": 0.08},
}


def render(size: Size, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw a street: image (H, W, 3) RGB and label (H, W) of Cityscapes train ids.

    The generator is used in the same order whatever the size, so a generator in the same state gives the same street.
    """
    light, sky = _light(rng)
    camera = Camera(
        size, rng.uniform(1.35, 2.0), rng.uniform(1.2, 1.5), rng.uniform(0.38, 0.48), float(rng.normal(0, 0.12))
    )
    stage = Stage(Canvas(size), camera, light)
    ground, segments = _street(rng, light)
    things = [*_traffic(rng, ground), *_pavement(rng, ground)]
    draw_sky(stage, _child(rng), *sky)
    draw_ground(stage, _child(rng), ground)
    for segment in sorted(segments, key=lambda s: -s.z):
        draw_segment(stage, _child(rng), segment)
    for _, draw in sorted(things, key=lambda thing: -thing[0]):
        draw(stage, _child(rng))
    _hood(stage, _child(rng))
    return _expose(stage, rng), stage.canvas.label


def _child(rng: np.random.Generator) -> np.random.Generator:
    """A generator of its own for one thing, so that what is skipped for one size shifts nothing else."""
    return np.random.Generator(np.random.PCG64(int(rng.integers(1 << 62))))


def _light(rng: np.random.Generator) -> tuple[Light, tuple[NDArray[np.float32], NDArray[np.float32], float]]:
    """Sun, cloud, haze or dusk, with the sky's two colours and its share of cloud."""
    weather = rng.choice(["sun", "cloud", "haze", "dusk"], p=[0.42, 0.32, 0.14, 0.12])
    side = int(rng.choice([-1, 1]))
    bright = rng.uniform(0.8, 1.2)
    top, bottom, tint, clouds, distance = {
        "sun": ((96, 146, 214), (196, 214, 232), (1.06, 1.0, 0.92), rng.uniform(0.1, 0.6), rng.uniform(250, 600)),
        "cloud": ((176, 182, 190), (220, 222, 224), (0.96, 0.99, 1.04), rng.uniform(0.3, 0.9), rng.uniform(120, 350)),
        "haze": ((200, 202, 204), (222, 220, 214), (0.99, 1.0, 1.0), rng.uniform(0.0, 0.3), rng.uniform(50, 110)),
        "dusk": ((84, 96, 140), (232, 168, 124), (1.06, 0.92, 0.94), rng.uniform(0.2, 0.6), rng.uniform(120, 300)),
    }[str(weather)]
    sunny = weather == "sun"
    low = {"sun": 1.0, "cloud": 0.86, "haze": 0.9, "dusk": 0.58}[str(weather)]
    cast = np.asarray(tint) * low * bright * (1 + rng.uniform(-0.05, 0.05, 3))
    lit, dark = (1.16, rng.uniform(0.5, 0.72)) if sunny else (rng.uniform(0.86, 0.98), rng.uniform(0.86, 0.98))
    light = Light(
        front=rng.uniform(0.7, 1.12) if sunny else 0.92,
        left=lit if side < 0 else dark,
        right=lit if side > 0 else dark,
        shadow=rng.uniform(0.42, 0.6) if sunny else 1.0,
        sun_from=side,
        haze=vary(rng, bottom, 10),
        haze_distance_m=distance,
        cast=cast.astype(np.float32),
        contrast=rng.uniform(0.85, 1.15),
        blur=rng.uniform(0.0, 0.6),
        noise=rng.uniform(1.5, 7.0),
    )
    return light, (vary(rng, top, 16), vary(rng, bottom, 12), clouds)


def _street(rng: np.random.Generator, light: Light) -> tuple[Ground, list[Segment]]:
    lane = rng.uniform(3.0, 3.7)
    left, right = (
        -lane * rng.choice([1.5, 2.5], p=[0.7, 0.3]) - 0.2,
        lane * rng.choice([0.5, 1.5], p=[0.45, 0.55]) + 0.3,
    )
    verges = [rng.uniform(0.8, 3.0) if rng.random() < 0.35 else 0.0 for _ in range(2)]
    paths = rng.uniform(2.0, 6.5, 2)
    outer = (left - verges[0] - paths[0], right + verges[1] + paths[1])
    segments: list[Segment] = []
    for side in (0, 1):
        segments += _side(rng, float(outer[side]), str(rng.choice(list(_STYLES), p=[0.46, 0.24, 0.16, 0.14])))
    shady = [s for s in segments if (s.x < 0) == (light.sun_from < 0)]
    slant = rng.uniform(0.3, 1.2)
    ground = Ground(
        road=(float(left), float(right)),
        sidewalk=(float(outer[0]), float(outer[1])),
        verge=(verges[0], verges[1]),
        lane_m=lane,
        dash=(rng.uniform(2, 5), rng.uniform(2, 6)),
        zebra_z=rng.uniform(7, 22) if rng.random() < 0.3 else None,
        rails_x=None if rng.random() < 0.72 else float(rng.choice([-lane, 0.0])),
        shade=tuple((s.z, s.z + s.length, s.height * slant) for s in shady),
        paving_m=rng.uniform(0.5, 1.6),
        wet=rng.uniform(0.2, 0.6) if rng.random() < 0.15 else 0.0,
    )
    return ground, segments


def _side(rng: np.random.Generator, x: float, style: str) -> list[Segment]:
    kinds, weights = zip(*_STYLES[style].items(), strict=True)
    z, segments = 1.5, []
    while z < _FAR_M:
        kind = str(rng.choice(kinds, p=weights))
        length = rng.uniform(8, 24) if kind in ("building", "gap") else rng.uniform(7, 20)
        height = {
            "building": rng.uniform(6, 22), "wall": rng.uniform(1.3, 3.4), "fence": rng.uniform(1.0, 2.2),
            "hedge": rng.uniform(1.2, 7.0), "gap": 0.0,
        }[kind]  # fmt: skip
        setback = rng.uniform(0, 3.0) if kind == "building" and style != "city" else rng.uniform(0, 0.5)
        segments.append(Segment(kind, x + np.sign(x) * setback, z, length, height))
        z += length + (rng.uniform(0.5, 6) if rng.random() < 0.3 else 0.0)
    end = Segment("building" if rng.random() < 0.6 else "hedge", x * 0.5, _FAR_M, 10, rng.uniform(6, 26))
    return [*segments, end]


def _traffic(rng: np.random.Generator, ground: Ground) -> Iterator[_Thing]:
    """Vehicles in their lanes, at the kerb and across, and riders between them."""
    lane, (left, right) = ground.lane_m, ground.road
    taken: list[tuple[float, float, float]] = []

    def free(x: float, z: float, length: float) -> bool:
        if any(abs(x - other) < 2.2 and z < end + 1.5 and z + length > start - 1.5 for other, start, end in taken):
            return False
        taken.append((x, z, z + length))
        return True

    if ground.rails_x is not None:
        z = rng.uniform(9, 32)
        free(ground.rails_x, z, LENGTH_M["train"])
        yield z, partial(_vehicle, "train", ground.rails_x, z, "toward" if ground.rails_x < 0 else "away")
    for kind, share in (("bus", 0.3), ("truck", 0.32)):
        if rng.random() < share:
            x, z = float(rng.choice([-lane, 0.0, lane])), rng.uniform(8, 34)
            x = x if left + 1.2 < x < right - 1.2 else -lane
            if free(x, z, LENGTH_M[kind]):
                yield z, partial(_vehicle, kind, x, z, "toward" if x < 0 else "away")
    for _ in range(int(rng.integers(1, 7))):
        x, z = float(rng.choice([-lane, 0.0, lane]) + rng.normal(0, 0.2)), float(7 + rng.exponential(22))
        if left + 1 < x < right - 1 and free(x, z, 4.5):
            yield (
                z,
                partial(
                    _vehicle, str(rng.choice(["car", "van"], p=[0.85, 0.15])), x, z, "toward" if x < -1 else "away"
                ),
            )
    for edge, inwards in ((left, 1.05), (right, -1.05)):
        z = rng.uniform(4, 9)
        if rng.random() < 0.55:
            while z < 80:
                if rng.random() < 0.7 and free(edge + inwards, z, 4.5):
                    kind = str(rng.choice(["car", "van", "truck"], p=[0.84, 0.12, 0.04]))
                    yield z, partial(_vehicle, kind, edge + inwards, z, "away" if rng.random() < 0.8 else "toward")
                z += rng.uniform(5.2, 8)
    if rng.random() < 0.22:
        kind, z = str(rng.choice(["car", "van", "truck", "bus"], p=[0.6, 0.12, 0.16, 0.12])), rng.uniform(12, 30)
        if free(0, z, 2):
            yield z, partial(_vehicle, kind, rng.uniform(-6, 6), z, str(rng.choice(["left", "right"])))
    for motor, share in ((False, 0.6), (True, 0.45)):
        while rng.random() < share:
            x, z = rng.uniform(max(left, -6) + 0.6, right - 0.5), rng.uniform(4.5, 22)
            if free(x, z, 0.8):
                yield z, partial(draw_rider, x=x, z=z, motor=motor)


def _vehicle(kind: str, x: float, z: float, heading: str, stage: Stage, rng: np.random.Generator) -> None:
    draw_vehicle(stage, rng, kind, x, z, heading)


def _pavement(rng: np.random.Generator, ground: Ground) -> Iterator[_Thing]:
    """Posts, lights, signs, trees, people and parked cycles on both sides."""
    light_z = rng.uniform(8, 26)
    lights = rng.random() < 0.6
    for side in (0, 1):
        sign = 1.0 if side else -1.0
        kerb = ground.road[side] + sign * (0.45 + ground.verge[side])
        verge, outer = ground.road[side] + sign * max(ground.verge[side] * 0.5, 0.5), ground.sidewalk[side] - sign * 0.4
        z, step = rng.uniform(4, 16), rng.uniform(12, 26)
        while z < 100:
            yield z, partial(draw_lamp, x=kerb, z=z)
            z += step
        if lights:
            yield light_z, partial(draw_traffic_light, x=kerb, z=light_z)
        for _ in range(int(rng.integers(0, 4))):
            z = float(5 + rng.exponential(12))
            yield z, partial(draw_sign, x=kerb, z=z)
        if rng.random() < 0.45:
            z, step = rng.uniform(6, 16), rng.uniform(5, 14)
            while z < 90:
                yield z, partial(draw_tree, x=verge, z=z)
                z += step * rng.uniform(0.8, 1.3)
        for _ in range(int(rng.integers(0, 3))):
            z = rng.uniform(8, 70)
            yield z, partial(draw_tree, x=outer + sign * rng.uniform(1.5, 8), z=z)
        for _ in range(int(rng.poisson(2.6))):
            z = float(5 + rng.exponential(14))
            yield z, partial(draw_person, x=rng.uniform(min(kerb, outer), max(kerb, outer)), z=z)
        for motor, share in ((False, 0.45), (True, 0.28)):
            if rng.random() < share:
                z, x = rng.uniform(5, 18), rng.uniform(min(kerb, outer), max(kerb, outer))
                for i in range(int(rng.integers(1, 4))):
                    yield z + 0.7 * i, partial(draw_cycle, x=x + 0.3 * i, z=z + 0.7 * i, motor=motor)
    if rng.random() < 0.35:
        for _ in range(int(rng.integers(1, 4))):
            z = rng.uniform(7, 28)
            yield z, partial(draw_person, x=rng.uniform(*ground.road), z=z)


def _hood(stage: Stage, rng: np.random.Generator) -> None:
    """The bonnet of the car that the camera sits in, in most scenes."""
    height, rise = stage.camera.size.height, rng.uniform(0.03, 0.1)
    colour = vary(rng, (56, 58, 62), 30)
    if rng.random() < 0.7:
        spans = stage.canvas.ellipse(stage.canvas.size.width / 2, height * 1.25, height * 1.6, height * (0.25 + rise))
        stage.canvas.fill(spans, colour, _IGNORE)


def _expose(stage: Stage, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Light's colour, contrast, blur, vignette and grain; (3, H, W) float to (H, W, 3) uint8."""
    light, image = stage.light, stage.canvas.image
    _, height, width = image.shape
    middle = np.float32(112) * light.cast[:, None, None]
    image *= light.cast[:, None, None] * np.float32(light.contrast)
    image += middle * np.float32(1 - light.contrast)
    if light.blur > 0.15:
        side = np.float32(light.blur / 3)
        soft = image * (1 - 2 * side)
        soft[:, 1:-1] += (image[:, :-2] + image[:, 2:]) * side
        soft[:, 0] += image[:, 0] * (2 * side)
        soft[:, -1] += image[:, -1] * (2 * side)
        image = soft
    start = int(rng.integers(1 << 20))
    image += grain(start, image.size).reshape(image.shape) * np.float32(light.noise)
    np.clip(image, 0, 255, out=image)
    return np.ascontiguousarray(image.astype(np.uint8).transpose(1, 2, 0))
