"""Where the street's strips run and what lines them."""

from __future__ import annotations

import numpy as np

from edgeseg.data.street.camera import Light
from edgeseg.data.street.ground import Ground
from edgeseg.data.street.roadside import Segment

__all__ = ["sample_layout"]

_FAR_M = 130.0
_STYLES = {
    "city": {"building": 0.78, "wall": 0.08, "fence": 0.08, "hedge": 0.06},
    "suburb": {"building": 0.36, "wall": 0.18, "fence": 0.24, "hedge": 0.22},
    "park": {"building": 0.08, "wall": 0.14, "fence": 0.2, "hedge": 0.34, "gap": 0.24},
    "works": {"building": 0.34, "wall": 0.32, "fence": 0.26, "hedge": 0.08},
}


def sample_layout(rng: np.random.Generator, light: Light) -> tuple[Ground, list[Segment]]:
    """A straight street with both its sides."""
    lane = rng.uniform(3.0, 3.7)
    left = -lane * rng.choice([1.5, 2.5], p=[0.7, 0.3]) - 0.2
    right = lane * rng.choice([0.5, 1.5], p=[0.45, 0.55]) + 0.3
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
    """Stretches from beside the camera to the far end, which something closes."""
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
