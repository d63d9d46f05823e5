"""The light of a scene, and the sensor that sees it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeseg.data.street.camera import Colour, Light, vary
from edgeseg.data.street.canvas import Floats
from edgeseg.data.street.noise import grain

__all__ = ["expose", "sample_weather"]


def sample_weather(rng: np.random.Generator) -> tuple[Light, tuple[Colour, Colour, float]]:
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


def expose(image: Floats, light: Light, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Light's colour, contrast, blur and grain: (3, H, W) float, which is overwritten, to (H, W, 3) uint8."""
    cast = light.cast[:, None, None]
    image *= cast * np.float32(light.contrast)
    image += np.float32(112) * cast * np.float32(1 - light.contrast)
    if light.blur > 0.15:
        image = _blurred(image, light.blur / 3)
    start = int(rng.integers(1 << 20))
    image += grain(start, image.size).reshape(image.shape) * np.float32(light.noise)
    np.clip(image, 0, 255, out=image)
    return np.ascontiguousarray(image.astype(np.uint8).transpose(1, 2, 0))


def _blurred(image: Floats, side: float) -> Floats:
    """Each row mixed with the rows above and below it, `side` of each."""
    weight = np.float32(side)
    soft = image * (1 - 2 * weight)
    soft[:, 1:-1] += (image[:, :-2] + image[:, 2:]) * weight
    soft[:, 0] += image[:, 0] * (2 * weight)
    soft[:, -1] += image[:, -1] * (2 * weight)
    return soft
