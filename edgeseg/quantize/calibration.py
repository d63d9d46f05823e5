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
    """Run a float file on the samples and observe its float tensors.

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
                observers[name].add(_data(values, name, artifact.path))
        done += 1
        samples.progress("calibrate", done, samples.count)
    if not done:
        raise InputError(f"{samples.source}: no calibration images; at least one is needed")
    ranges = {name: observer.range() for name, observer in observers.items()}
    method = f"percentile {recipe.percentile:g}" if recipe.method == "percentile" else recipe.method
    return Ranges(ranges, method, samples.source)


_ENDLESS = 1e30
"""Max-pooling pads with minus infinity or the lowest float: what lies beyond this is such padding, not data."""


def _data(values: NDArray[Any], name: str, path: Path) -> NDArray[np.float32]:
    """Flat and finite."""
    flat = np.ascontiguousarray(values, dtype=np.float32).reshape(-1)
    low, high = float(flat.min()), float(flat.max())
    if np.isnan(low):
        raise QuantizeError(f"{path}: tensor {name} is NaN on a calibration image; the network's weights are damaged")
    if low < -_ENDLESS or high > _ENDLESS:
        flat = flat[np.abs(flat) < _ENDLESS]
    return flat if flat.size else np.zeros(1, np.float32)
