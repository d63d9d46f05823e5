"""ONNX Runtime's profiler: its events of several runs as one Trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from edgeseg.core.profile import Arithmetic, Kernel, Trace

__all__ = ["read_trace"]

_US_PER_MS = 1e3
_SUFFIX = "_kernel_time"
_CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear"})
_INTS, _FLOATS = frozenset({"int8", "uint8"}), frozenset({"float", "float16", "double"})


def read_trace(path: Path, warmup: int) -> Trace:
    """Read the file that a session with `enable_profiling` wrote; the first `warmup` runs don't count."""
    runs = list(_runs(json.loads(path.read_text(encoding="utf-8"))))[warmup:]
    kernels = tuple(_kernel(events) for events in zip(*(events for events, _ in runs), strict=True))
    return Trace(kernels, median(duration for _, duration in runs) / _US_PER_MS)


def _runs(events: list[dict[str, Any]]) -> Iterator[tuple[list[dict[str, Any]], float]]:
    """Of every run its kernels' events and its duration in microseconds, which is told last."""
    kernels: list[dict[str, Any]] = []
    for event in events:
        if event["cat"] == "Node" and event["name"].endswith(_SUFFIX):
            kernels.append(event)
        elif event["name"] == "model_run":
            yield kernels, event["dur"]
            kernels = []


def _kernel(events: tuple[dict[str, Any], ...]) -> Kernel:
    """The events of one kernel, one a run."""
    told = events[0]["args"]
    name = str(events[0]["name"]).removesuffix(_SUFFIX)
    ms = median(event["dur"] for event in events) / _US_PER_MS
    given, computed = ([kind for port in told[f"{side}_type_shape"] for kind in port] for side in ("input", "output"))
    return Kernel(told["op_name"], ms, name, arithmetic=_arithmetic(told["op_name"], given, computed))


def _arithmetic(op: str, given: list[str], computed: list[str]) -> Arithmetic:
    if op in _CONVERSIONS:
        return "conversion"
    if _FLOATS.intersection(computed) or (not op.startswith("QLinear") and given and given[0] in _FLOATS):
        return "float"
    return "int8" if _INTS.intersection((*computed, *given[:1])) or op.startswith("QLinear") else "other"
