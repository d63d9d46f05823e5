"""Tileable noise that textures are read from, made once."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["grain", "look_up", "tile"]

_SIDE = 512
_POOL = 1 << 20


@cache
def tile(roughness: float) -> NDArray[np.float32]:
    """(512, 512) noise, uniform in 0..1, with a spectrum that falls as frequency to the minus `roughness`."""
    white = np.random.Generator(np.random.PCG64(7)).standard_normal((_SIDE, _SIDE))
    frequency = np.hypot(np.fft.fftfreq(_SIDE)[:, None], np.fft.rfftfreq(_SIDE)[None])
    frequency[0, 0] = np.inf
    field = np.fft.irfft2(np.fft.rfft2(white) * frequency**-roughness, s=(_SIDE, _SIDE))
    ranks = np.empty(field.size, np.float32)
    ranks[np.argsort(field, axis=None, kind="stable")] = np.linspace(0, 1, field.size, dtype=np.float32)
    return ranks.reshape(field.shape)


def look_up(field: NDArray[np.float32], u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values of a tile at cell coordinates that broadcast against each other, wrapped around."""
    row, column = v.astype(np.int32) & (_SIDE - 1), u.astype(np.int32) & (_SIDE - 1)
    return field.ravel().take(row * _SIDE + column)


@cache
def _ring() -> NDArray[np.float32]:
    """A pool of normal values, twice over."""
    pool = np.random.Generator(np.random.PCG64(11)).standard_normal(_POOL).astype(np.float32)
    return np.concatenate([pool, pool])


def grain(start: int, count: int) -> NDArray[np.float32]:
    """(count,) standard normal values out of a fixed pool, read round and round from `start` (below 2**20) on."""
    piece = _ring()[start : start + min(count, _POOL)]
    return piece if count <= _POOL else np.resize(piece, count)
