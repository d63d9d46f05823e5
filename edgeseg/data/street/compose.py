"""One street, drawn from far to near."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.protocols import IGNORE
from edgeseg.core.types import Size
from edgeseg.data.street.camera import Camera, vary
from edgeseg.data.street.canvas import Canvas
from edgeseg.data.street.ground import draw_ground, draw_sky
from edgeseg.data.street.layout import sample_layout
from edgeseg.data.street.pen import Stage
from edgeseg.data.street.population import sample_population
from edgeseg.data.street.roadside import draw_segment
from edgeseg.data.street.weather import expose, sample_weather

__all__ = ["render"]


def render(size: Size, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw a street: image (H, W, 3) RGB and label (H, W) of Cityscapes train ids.

    The generator is used in the same order whatever the size, so a generator in the same state gives the same street.
    """
    light, sky = sample_weather(rng)
    camera = Camera(
        size=size,
        focal=rng.uniform(1.35, 2.0),
        height_m=rng.uniform(1.2, 1.5),
        horizon=rng.uniform(0.38, 0.48),
        centre=float(rng.normal(0, 0.12)),
    )
    stage = Stage(Canvas(size), camera, light)
    ground, segments = sample_layout(rng, light)
    things = sample_population(rng, ground)
    draw_sky(stage, _child(rng), *sky)
    draw_ground(stage, _child(rng), ground)
    for segment in sorted(segments, key=lambda s: -s.z):
        draw_segment(stage, _child(rng), segment)
    for _, draw in sorted(things, key=lambda thing: -thing[0]):
        draw(stage, _child(rng))
    _hood(stage, _child(rng))
    return expose(stage.canvas.image, light, rng), stage.canvas.label


def _child(rng: np.random.Generator) -> np.random.Generator:
    """A generator of its own for one thing, so that what is skipped for one size shifts nothing else."""
    return np.random.Generator(np.random.PCG64(int(rng.integers(1 << 62))))


def _hood(stage: Stage, rng: np.random.Generator) -> None:
    """The bonnet of the car that the camera sits in, in most scenes."""
    height, rise = stage.camera.size.height, rng.uniform(0.03, 0.1)
    colour = vary(rng, (56, 58, 62), 30)
    if rng.random() < 0.7:
        spans = stage.canvas.ellipse(stage.canvas.size.width / 2, height * 1.25, height * 1.6, height * (0.25 + rise))
        stage.canvas.fill(spans, colour, IGNORE)
