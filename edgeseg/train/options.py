"""How a network is trained, and what came of it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from edgeseg.core.errors import InputError
from edgeseg.core.types import Size

__all__ = ["TrainOptions", "TrainResult"]

_CROP = Size(256, 512)
_COUNTS = ("steps", "batch")
_FREE = ("workers", "checkpoint_seconds", "cache_mib")
"""Options that change nothing about the result."""
_NOT_NEGATIVE = ("jitter", "warmup", "power", "weight_decay", "balance", *_FREE)


@dataclass(frozen=True)
class TrainOptions:
    """What decides a training run. Two runs with equal options, network and data see the same batches.

    `minutes` bounds the time spent in steps, resumed parts included; the learning rate then falls with time as well
    as with steps, so that a run cut short still ends at zero.
    """

    steps: int = 2000
    batch: int = 8
    crop: Size = _CROP
    """Or `HxW`."""
    learning_rate: float = 4e-3
    """The highest, reached after `warmup` steps; it falls to zero as (1 - progress) ** `power`."""
    seed: int = 0
    workers: int = 1
    """Threads that prepare batches while a step runs; 0 prepares them in between."""
    min_scale: float = 0.5
    """An image is resized by a factor drawn log-uniformly from `min_scale` to `max_scale`, then cropped."""
    max_scale: float = 1.0
    jitter: float = 0.2
    """Brightness, contrast and colour change by up to this share."""
    warmup: int = 50
    power: float = 0.9
    weight_decay: float = 0.01
    balance: float = 0.4
    """Pixels of a class weigh its frequency to the power of -`balance`: 0 treats all pixels alike, 1 all classes."""
    minutes: float | None = None
    checkpoint_seconds: float = 60.0
    cache_mib: int = 4096
    """Decoded images kept in memory, so that later epochs need not decode them again."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "crop", Size.of(self.crop))
        for name in _COUNTS:
            if getattr(self, name) < 1:
                raise InputError(f"training: {name} {getattr(self, name)}; it must be at least 1")
        for name in _NOT_NEGATIVE:
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"training: {name} {getattr(self, name)}; it must not be negative")
        if not 0 < self.learning_rate < math.inf:
            raise InputError(f"training: learning rate {self.learning_rate}; it must be above 0, for example 0.004")
        if not 0 < self.min_scale <= self.max_scale < math.inf:
            raise InputError(
                f"training: scales {self.min_scale} to {self.max_scale}; both must be above 0 and the first not larger"
            )
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise InputError(f"training: minutes {self.minutes}; it must be above 0, or left out for no limit")

    def rate(self, progress: float, step: int) -> float:
        """Learning rate of a step, given how far the run is (0 to 1) in the larger of its shares of steps and time."""
        rising = min(1.0, (step + 1) / (self.warmup + 1))
        return float(self.learning_rate * rising * max(0.0, 1.0 - progress) ** self.power)

    def deciding(self) -> dict[str, Any]:
        """The options a resumed run must share with the run that it continues, as plain JSON values."""
        return {name: value for name, value in asdict(self).items() if name not in _FREE}


@dataclass(frozen=True)
class TrainResult:
    """What a finished training run did.

    `loss` is the mean over the last steps (up to 50), `losses` those of every step that this call made: none where the
    checkpoint was of a finished run.
    """

    steps: int
    loss: float
    losses: tuple[float, ...]
    wall_s: float
    miou_percent: float | None = None
    measured_on: str = ""
    """The images of the mIoU, in words."""
