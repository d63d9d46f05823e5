"""Sky and ground: what lies behind and under everything else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeseg.data.street.camera import Colour, vary
from edgeseg.data.street.canvas import Floats
from edgeseg.data.street.ids import ROAD, SIDEWALK, SKY, TERRAIN
from edgeseg.data.street.noise import look_up, tile
from edgeseg.data.street.pen import Stage

__all__ = ["Ground", "draw_ground", "draw_sky"]


@dataclass(frozen=True)
class Ground:
    """Strips along the street, left to right in metres from the camera, and what is painted on the road."""

    road: tuple[float, float]
    sidewalk: tuple[float, float]
    """Outer edges; verge and terrain lie beyond."""
    verge: tuple[float, float]
    """Width of grass between road and sidewalk on the left and on the right; 0 for none."""
    lane_m: float
    dash: tuple[float, float]
    """Length and gap of the lane markings."""
    zebra_z: float | None
    rails_x: float | None
    shade: tuple[tuple[float, float, float], ...]
    """Shadows of buildings: (from z, to z, reach from the outer edge of the side that they stand on), in metres."""
    paving_m: float
    wet: float


def draw_sky(stage: Stage, rng: np.random.Generator, top: Colour, bottom: Colour, clouds: float) -> None:
    """A gradient with clouds down to a little below the horizon."""
    canvas, height = stage.canvas, stage.camera.size.height
    rows = min(round(stage.camera.horizon_px) + 2, height)
    y = (np.arange(rows, dtype=np.float32)[:, None] + np.float32(0.5)) / np.float32(height)
    x = (np.arange(canvas.size.width, dtype=np.float32)[None] - canvas.size.width / 2) / np.float32(height)
    du, dv = rng.uniform(0, 512, 2)
    density = look_up(tile(1.9), (x * 260 + du).astype(np.float32), (y * 620 + dv).astype(np.float32))
    cover = np.clip((density - np.float32(1 - clouds)) * 3, 0, 1) * np.float32(0.85)
    white = np.float32(235)
    depth = np.clip(y / np.float32(stage.camera.horizon), 0, 1)
    gradient = top[:, None, None] * (1 - depth) + bottom[:, None, None] * depth
    canvas.image[:, :rows] = gradient + (white - gradient) * cover
    canvas.label[:rows] = SKY


def _zones(ground: Ground, x: Floats, z: Floats, ragged: Floats) -> NDArray[np.uint8]:
    """Index into `_colours` for every pixel of the ground."""
    (left, right), (outer_left, outer_right), (verge_left, verge_right) = ground.road, ground.sidewalk, ground.verge
    zone = np.zeros(x.shape, np.uint8)
    zone[(x < left) | (x > right)] = 1
    edge = np.float32(0.14)
    zone[((x < left) & (x > left - edge)) | ((x > right) & (x < right + edge))] = 2
    if verge_left:
        zone[(x < left - edge) & (x > left - verge_left)] = 3
    if verge_right:
        zone[(x > right + edge) & (x < right + verge_right)] = 3
    zone[(x < outer_left + ragged) | (x > outer_right + ragged)] = 3
    length, gap = ground.dash
    dashed = (z % np.float32(length + gap)) < length
    for lane in np.arange(ground.lane_m / 2 + 0.05, right - 1.2, ground.lane_m):
        zone[(np.abs(x - np.float32(lane)) < 0.08) & dashed] = 4
    for lane in np.arange(-ground.lane_m / 2 - 0.05, left + 1.2, -ground.lane_m):
        zone[(np.abs(x - np.float32(lane)) < 0.08) & dashed] = 4
    if ground.zebra_z is not None:
        across = (z > ground.zebra_z) & (z < ground.zebra_z + 3) & (zone == 0)
        zone[across & (x % np.float32(1.0) < 0.5)] = 4
    if ground.rails_x is not None:
        rail = np.abs(np.abs(x - np.float32(ground.rails_x)) - np.float32(0.72)) < 0.06
        zone[rail & (zone != 3)] = 5
    return zone


def draw_ground(stage: Stage, rng: np.random.Generator, ground: Ground) -> None:
    """Road with markings, kerbs, paving and grass, with the shadows that buildings throw on them."""
    camera, canvas, light = stage.camera, stage.canvas, stage.light
    first = min(max(int(np.ceil(camera.horizon_px + 0.004 * camera.size.height)), 0), camera.size.height - 1)
    rows = np.arange(first, camera.size.height, dtype=np.float32)[:, None] + np.float32(0.5)
    columns = np.arange(camera.size.width, dtype=np.float32)[None] + np.float32(0.5)
    z = np.float32(camera.height_m * camera.scale) / (rows - np.float32(camera.horizon_px))
    x = (columns - np.float32(camera.centre_px)) * (z / np.float32(camera.scale))
    du, dv = rng.uniform(0, 512, 2)
    u, v = (x * np.float32(24) + np.float32(du + 8192)), (z * np.float32(9) + np.float32(dv))
    grit = look_up(tile(0.5), u, v)
    patches = look_up(tile(1.7), u * np.float32(0.35), v * np.float32(0.35))
    fade = np.minimum(np.float32(1), np.float32(10) / z)
    zone = _zones(ground, x, z, (patches - np.float32(0.5)) * np.float32(0.5))

    colours, labels = _colours(rng)
    texture = np.array([0.20, 0.14, 0.15, 0.5, 0.2, 0.1], np.float32)[zone] * fade
    bright = 1 + texture * (grit - np.float32(0.5)) + np.float32(0.22) * (patches - np.float32(0.5))
    paved = (zone == 1) & (z < 40)
    joints = ((x % np.float32(ground.paving_m)) < 0.035) | ((z % np.float32(ground.paving_m)) < 0.05)
    bright[paved & joints] *= np.float32(0.84)
    if light.shadow < 1:
        bright *= _shade(ground, light.sun_from, light.shadow, x, z, patches)
    image = np.take(colours, zone, axis=1) * bright
    clear = np.exp(-z / np.float32(light.haze_distance_m))
    shine = np.float32(ground.wet) * np.minimum(z / np.float32(60), 1)
    clear = clear * (1 - shine)
    canvas.image[:, first:] = image * clear + light.haze[:, None, None] * (1 - clear)
    canvas.label[first:] = labels[zone]


def _shade(ground: Ground, side: int, depth: float, x: Floats, z: Floats, patches: Floats) -> Floats:
    """(h, w) brightness: the shadows that fall from one side of the street."""
    edge = ground.sidewalk[0] if side < 0 else ground.sidewalk[1]
    reach = np.zeros_like(z)
    for start, end, far in ground.shade:
        reach[(z >= start) & (z < end)] = far
    inside = (x - np.float32(edge)) * np.float32(-side) + (patches - np.float32(0.5)) * np.float32(0.15) < reach
    return np.where(inside, np.float32(depth), np.float32(1))


def _colours(rng: np.random.Generator) -> tuple[Floats, NDArray[np.uint8]]:
    """(3, zones) colours and (zones,) train ids of road, paving, kerb, grass, markings and rails."""
    asphalt = rng.uniform(62, 128)
    paving = [(150, 146, 140), (128, 122, 118), (158, 132, 118), (112, 110, 112)][rng.integers(4)]
    grass = [(92, 118, 58), (120, 122, 66), (84, 96, 52), (132, 112, 78)][rng.integers(4)]
    zones = [
        vary(rng, (asphalt, asphalt, asphalt + 3), 8),
        vary(rng, paving, 16),
        vary(rng, (165, 162, 155), 18),
        vary(rng, grass, 14),
        vary(rng, (215, 214, 205), 18),
        vary(rng, (70, 66, 64), 12),
    ]
    return np.stack(zones, axis=1), np.array([ROAD, SIDEWALK, SIDEWALK, TERRAIN, ROAD, ROAD], np.uint8)
