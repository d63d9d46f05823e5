"""Ranges of a float file's tensors, taken while calibration images stream through it. Serves every format."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError, QuantizeError
from edgeseg.core.files import atomic_write
from edgeseg.core.protocols import Calibration, Recipe
from edgeseg.core.types import Artifact
from edgeseg.quantize.observers import Observer, observer_factory

__all__ = ["Ranges", "calibrate"]


@dataclass(frozen=True)
class Ranges:
    """Tensor name -> (low, high) with low <= 0 <= high, and how they were found."""

    values: Mapping[str, tuple[float, float]]
    method: str
    source: str

    def save(self, path: Path) -> None:
        """Write them as JSON; raises WorkError where the system refuses."""
        atomic_write(path, json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, path: Path) -> Ranges:
        """Read what `save` wrote; InputError for another file."""
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            values = {name: (float(low), float(high)) for name, (low, high) in stored["values"].items()}
            return cls(values, str(stored["method"]), str(stored["source"]))
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; give a file of saved ranges") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{path}: not a file of saved ranges; calibrate anew") from error


def calibrate(artifact: Artifact, recipe: Recipe, samples: Calibration, names: Collection[str] | None = None) -> Ranges:
    """Run a float file on the samples and observe its float tensors. One that is always zero gets the range (0, 1).

    Args:
        artifact: The file.
        recipe: Says by which method.
        samples: Batches, and how to look inside the file while they run.
        names: Tensors to observe; by default every one that is computed. The rest cost nothing.

    Raises:
        InputError: An unknown method, or no samples.
        QuantizeError: A tensor became NaN.
    """
    new = observer_factory(recipe)
    observers: dict[str, Observer] = {}
    done = 0
    samples.progress("calibrate", done, samples.count)
    for tensors in samples.observe(artifact, samples.batches):
        for name, values in tensors:
            if (names is None or name in names) and values.dtype.kind == "f" and values.size:
                if name not in observers:
                    observers[name] = new()
                _feed(observers[name], values, name, artifact.path)
                observers[name].end_image()
        done += 1
        samples.progress("calibrate", done, samples.count)
    if not done:
        raise InputError(f"{samples.source}: no calibration images; at least one is needed")
    ranges = {name: _usable(*observer.range()) for name, observer in observers.items()}
    method = f"percentile {recipe.percentile:g}" if recipe.method == "percentile" else recipe.method
    return Ranges(ranges, method, samples.source)


_ENDLESS = 1e30
"""Max-pooling pads with minus infinity or the lowest float: what lies beyond this is such padding, not data."""

_DEAD = 1e-10
"""A tensor that never leaves this range is zero. Any scale can say so, but a scale of zero makes LiteRT abort."""

_BLOCK = 1 << 18
"""Values looked at in one go, so that they are read from memory once."""


def _usable(low: float, high: float) -> tuple[float, float]:
    return (low, high) if high - low > _DEAD else (0.0, 1.0)


def _feed(observer: Observer, values: NDArray[Any], name: str, path: Path) -> None:
    flat = np.ascontiguousarray(values, dtype=np.float32).reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        low, high = float(block.min()), float(block.max())
        if np.isnan(low):
            raise QuantizeError(f"{path}: tensor {name} is NaN on a calibration image; the weights are damaged")
        if low < -_ENDLESS or high > _ENDLESS:
            block = block[np.abs(block) < _ENDLESS]
            low, high = float(block.min(initial=0)), float(block.max(initial=0))
        observer.add(block, low, high)
