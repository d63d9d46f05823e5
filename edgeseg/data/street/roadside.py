"""What lines the street: buildings, walls, fences, hedges and trees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeseg.data.street.camera import Colour, vary
from edgeseg.data.street.canvas import Floats
from edgeseg.data.street.ids import BUILDING, FENCE, VEGETATION, WALL
from edgeseg.data.street.noise import look_up, tile
from edgeseg.data.street.pen import Stage, Texture

__all__ = ["Segment", "draw_segment", "draw_tree"]

_FACADES = [
    (186, 172, 150), (150, 92, 74), (128, 124, 120), (206, 196, 176), (168, 140, 104), (110, 104, 102),
    (196, 182, 122), (142, 150, 156), (92, 84, 80), (176, 120, 98), (212, 208, 200), (118, 128, 110),
]  # fmt: skip
_WALLS = [(140, 136, 130), (146, 96, 80), (168, 160, 146), (104, 102, 104), (178, 170, 160)]
_FENCES = [(70, 74, 72), (124, 98, 72), (160, 160, 158), (60, 84, 66), (196, 192, 184), (96, 92, 90)]
_LEAVES = [(78, 98, 48), (62, 84, 44), (98, 112, 52), (70, 92, 62), (118, 110, 54), (52, 70, 40)]


@dataclass(frozen=True)
class Segment:
    """A stretch of one side of the street, from `z` to `z + length`, standing at `x`."""

    kind: str
    x: float
    z: float
    length: float
    height: float


def draw_segment(stage: Stage, rng: np.random.Generator, segment: Segment) -> None:
    """Draw one stretch; "gap" draws nothing."""
    match segment.kind:
        case "building":
            _building(stage, rng, segment)
        case "wall":
            _wall(stage, rng, segment)
        case "fence":
            _fence(stage, rng, segment)
        case "hedge":
            _hedge(stage, rng, segment)


def _block(colour: Colour) -> Floats:
    return colour[:, None, None]


def _corners(length: float, height: float) -> list[tuple[float, float]]:
    return [(0, 0), (length, 0), (length, height), (0, height)]


def _facade(rng: np.random.Generator, wall: Colour) -> Texture:
    """Plaster or brick with rows of windows above a ground floor."""
    window_m, storey_m, ground_m = rng.uniform(1.8, 3.6), rng.uniform(2.8, 3.6), rng.uniform(2.8, 4.4)
    half_u, half_v = rng.uniform(0.18, 0.42), rng.uniform(0.22, 0.38)
    glass, trim, shop = vary(rng, (64, 72, 82), 24), vary(rng, wall, 40), vary(rng, (66, 62, 62), 34)
    has_shop, sign_band = rng.random() < 0.5, vary(rng, _FACADES[rng.integers(12)], 60)
    du, dv = rng.uniform(0, 400, 2)
    brick = rng.random() < 0.35

    def texture(u: Floats, v: Floats) -> tuple[Floats, None]:
        column, storey = (u + np.float32(50)) / np.float32(window_m), (v - np.float32(ground_m)) / np.float32(storey_m)
        off_u, off_v = np.abs(column % 1 - np.float32(0.5)), np.abs(storey % 1 - np.float32(0.5))
        upper = v > ground_m
        grime = look_up(tile(1.1), u * 14 + np.float32(du + 1024), v * 14 + np.float32(dv + 4096))
        bright = np.float32(0.82) + np.float32(0.36) * grime
        if brick:
            bright = np.where((v % np.float32(0.3)) < 0.06, bright * np.float32(0.86), bright)
        framed = (off_u < half_u + 0.05) & (off_v < half_v + 0.05) & upper
        pane = (off_u < half_u) & (off_v < half_v) & upper
        shine = look_up(tile(0.0), np.floor(column) * 7 + 512, np.floor(storey) * 13 + 512)
        colours = np.where(framed, _block(trim), _block(wall)) * bright
        if has_shop:
            door = (column * np.float32(0.6) % 1 < 0.82) & (v < ground_m - 0.7) & (v > 0.35)
            band = (v > ground_m - 0.7) & ~upper
            colours = np.where(band, _block(sign_band), np.where(door, _block(shop) * bright, colours))
        glow = np.float32(0.55) + shine * np.float32(0.9)
        return np.where(pane, _block(glass) * glow, colours).astype(np.float32), None

    return texture


def _building(stage: Stage, rng: np.random.Generator, segment: Segment) -> None:
    wall = vary(rng, _FACADES[rng.integers(len(_FACADES))], 22)
    facade, roof = _facade(rng, wall), vary(rng, [(110, 66, 54), (82, 80, 84), (96, 86, 80)][rng.integers(3)], 16)
    roof_m = rng.uniform(1.0, 3.2) if rng.random() < 0.55 else 0.25
    length, height = segment.length, segment.height
    side = 1.0 if segment.x > 0 else -1.0
    gable = stage.facing(segment.x, segment.z, flip=side < 0)
    gable.texture(_corners(14, height), facade, BUILDING)
    gable.polygon([(0, height), (14, height), (7, height + roof_m * 1.4)], roof, BUILDING)
    flank = stage.flank(segment.x, segment.z)
    inset = 0.6 if roof_m > 0.5 else 0.0
    flank.polygon(
        [(0, height), (length, height), (length - inset, height + roof_m), (inset, height + roof_m)], roof, BUILDING
    )
    flank.texture(_corners(length, height), facade, BUILDING)


def _wall(stage: Stage, rng: np.random.Generator, segment: Segment) -> None:
    colour = vary(rng, _WALLS[rng.integers(len(_WALLS))], 18)
    block_u, block_v = rng.uniform(0.5, 2.4), rng.uniform(0.2, 0.9)
    du = rng.uniform(0, 400)
    cap = vary(rng, (170, 166, 158), 24)
    height = segment.height

    def texture(u: Floats, v: Floats) -> tuple[Floats, None]:
        stain = look_up(tile(1.4), u * 20 + np.float32(du + 1024), v * 20 + 4096)
        row = np.floor(v / np.float32(block_v))
        joint = ((v % np.float32(block_v)) < 0.045) | (
            ((u + row * np.float32(block_u / 2)) % np.float32(block_u)) < 0.06
        )
        bright = (np.float32(0.72) + np.float32(0.5) * stain) * np.where(joint, np.float32(0.76), np.float32(1))
        capped = v > height - 0.16
        return (np.where(capped, _block(cap), _block(colour)) * bright).astype(np.float32), None

    if rng.random() < 0.5:
        _hedge(stage, rng, Segment("hedge", segment.x * 1.25, segment.z, segment.length, height + rng.uniform(1, 4)))
    stage.facing(segment.x, segment.z, flip=segment.x < 0).texture(_corners(0.4, height), texture, WALL)
    stage.flank(segment.x, segment.z).texture(_corners(segment.length, height), texture, WALL)


def _fence(stage: Stage, rng: np.random.Generator, segment: Segment) -> None:
    colour = vary(rng, _FENCES[rng.integers(len(_FENCES))], 20)
    bar_m, share = [(0.16, 0.42), (0.3, 0.6), (0.5, 0.3), (0.22, 0.8)][rng.integers(4)]
    mesh = rng.random() < 0.35
    height = segment.height

    def texture(u: Floats, v: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        if mesh:
            wire = (((u + v) % np.float32(0.34)) < 0.09) | (((u - v + 64) % np.float32(0.34)) < 0.09)
        else:
            wire = np.broadcast_to((u % np.float32(bar_m)) < bar_m * share, v.shape)
        post = (u % np.float32(2.5)) < 0.16
        rail = (np.abs(v - np.float32(height * 0.9)) < 0.06) | (np.abs(v - np.float32(height * 0.2)) < 0.06)
        light = np.where(post | rail, np.float32(1.12), np.float32(0.94))
        return np.broadcast_to(_block(colour) * light, (3, *v.shape)), wire | post | rail

    if rng.random() < 0.6:
        _hedge(stage, rng, Segment("hedge", segment.x * 1.3, segment.z, segment.length, height + rng.uniform(0.5, 5)))
    stage.flank(segment.x, segment.z).texture(_corners(segment.length, height), texture, FENCE, solid=True)


def _foliage(rng: np.random.Generator) -> Texture:
    """Leaves: dark gaps, light tips, clumps."""
    colour = vary(rng, _LEAVES[rng.integers(len(_LEAVES))], 16)
    du, dv = rng.uniform(0, 400, 2)
    tips = colour * np.float32(1.35) + np.array([14, 16, 2], np.float32)

    def texture(u: Floats, v: Floats) -> tuple[Floats, None]:
        a, b = u * 16 + np.float32(du + 8192), v * 16 + np.float32(dv + 8192)
        clump, leaf = look_up(tile(1.3), a, b), look_up(tile(0.4), a * 2, b * 2)
        mix = np.clip(clump * np.float32(1.1) + leaf * np.float32(0.5) - np.float32(0.35), 0, 1)
        dark = _block(colour * np.float32(0.42))
        return dark + (_block(tips) - dark) * mix, None

    return texture


def _hedge(stage: Stage, rng: np.random.Generator, segment: Segment) -> None:
    leaves, height = _foliage(rng), segment.height
    shift = rng.uniform(0, 400)

    def texture(u: Floats, v: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        colours, _ = leaves(u, v)
        top = look_up(tile(1.5), u * 14 + np.float32(shift + 1024), np.zeros_like(u))
        return colours, v < height * (np.float32(0.72) + np.float32(0.28) * top)

    facing = stage.facing(segment.x, segment.z, flip=segment.x < 0)
    facing.texture(_corners(4.0, height), texture, VEGETATION)
    stage.flank(segment.x, segment.z).texture(_corners(segment.length, height), texture, VEGETATION)


def draw_tree(stage: Stage, rng: np.random.Generator, x: float, z: float) -> None:
    """A trunk with a ragged crown; bushes are trees without a trunk."""
    bush = rng.random() < 0.2
    trunk = 0.0 if bush else rng.uniform(1.8, 3.2)
    wide, tall = (
        (rng.uniform(0.7, 1.4), rng.uniform(0.5, 1.0)) if bush else (rng.uniform(1.5, 3.2), rng.uniform(1.6, 3.4))
    )
    leaves, du, bark = _foliage(rng), rng.uniform(0, 400), vary(rng, (78, 66, 54), 14)
    pen = stage.facing(x, z)
    thick = rng.uniform(0.1, 0.2)
    stage.shadow(x, z, wide * 0.6, wide * 0.5)
    pen.polygon([(-thick, 0), (thick, 0), (thick * 0.7, trunk + tall), (-thick * 0.7, trunk + tall)], bark, VEGETATION)
    middle = trunk + tall * 0.85

    def texture(u: Floats, v: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        colours, _ = leaves(u, v)
        off_u, off_v = u / np.float32(wide), (v - np.float32(middle)) / np.float32(tall)
        lobes = look_up(tile(1.6), u * 26 + np.float32(du + 2048), v * 26 + np.float32(du + 2048))
        ragged = look_up(tile(0.6), u * 40 + 2048, v * 40 + 2048)
        inside = off_u * off_u + off_v * off_v + lobes * np.float32(0.55) + ragged * np.float32(0.2) < 1.05
        return colours * (np.float32(0.92) + np.float32(0.28) * np.clip(off_v, -1, 1)), inside

    pen.texture(
        [(-wide, middle - tall), (wide, middle - tall), (wide, middle + tall), (-wide, middle + tall)],
        texture,
        VEGETATION,
    )
