"""What a measurement was taken on: processor, system, libraries, load."""

from __future__ import annotations

import os
import platform
import re
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from edgeseg.bench.times.cores import allowed_cores, pinned_cores
from edgeseg.core.cpu import cpu_model, int8_features, read_text, speed_flags

__all__ = ["crowding", "environment", "library_versions", "setting"]

_LIBRARIES = (
    "edgeseg",
    "numpy",
    "numba",
    "pillow",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxsim",
    "ai-edge-litert",
    "tflite-runtime",
    "ai-edge-quantizer",
    "litert-torch",
    "torch",
    "tensorflow",
    "keras",
    "tf2onnx",
)

_CORES = Path("/sys/devices/system/cpu")
_THERMAL = Path("/sys/class/thermal")


def environment(threads: int) -> dict[str, Any]:
    """Everything beside the artifact that moves a measurement, as plain JSON values; None for what cannot be read."""
    return {**setting(threads), "load_average": _load_average(), "temperature_c": _temperature_c()}


def setting(threads: int) -> dict[str, Any]:
    """What of that is the same from one run to the next, unless somebody changes it."""
    return {
        "cpu_model": cpu_model(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "allowed_cores": allowed_cores() or None,
        "pinned_cores": pinned_cores(threads),
        "threads": threads,
        "int8_features": list(int8_features().present),
        "cpu_flags": list(speed_flags()),
        "governor": _governor(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "libraries": library_versions(),
    }


def crowding(threads: int) -> str | None:
    """What is to be said beside times of more threads than this may run on cores; None where there are enough."""
    cores = len(allowed_cores() or range(os.cpu_count() or 1))
    if threads <= cores:
        return None
    return (
        f"{threads} threads on the {cores} core{'s' * (cores > 1)} allowed: they wait for each other; give --threads "
        f"{cores} at most"
    )


def library_versions() -> dict[str, str]:
    """Installed packages that take part in a measurement, by distribution name, without importing them."""
    found = {}
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _governor() -> str | None:
    """Of the cores that this may run on: `mixed` where theirs differ."""
    cores = allowed_cores() or range(os.cpu_count() or 1)
    found = {read_text(_CORES / f"cpu{core}" / "cpufreq" / "scaling_governor") for core in cores}
    return found.pop() if len(found) == 1 else "mixed"


def _load_average() -> list[float] | None:
    """Over 1, 5 and 15 minutes."""
    try:
        return [round(load, 2) for load in os.getloadavg()]
    except (OSError, AttributeError):
        return None


def _temperature_c() -> float | None:
    """Of the hottest thermal zone; the kernel tells thousandths of a degree Celsius."""
    readings = [text for zone in sorted(_THERMAL.glob("thermal_zone*/temp")) if (text := read_text(zone))]
    degrees = [int(text) / 1000 for text in readings if re.fullmatch(r"-?\d+", text)]
    return max(degrees, default=None)
