"""The cores that times are taken on."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeseg.core.cpu import read_text
from edgeseg.core.errors import MeasureError

__all__ = ["allowed_cores", "kept_to", "pinned_cores"]

_CPUS = Path("/sys/devices/system/cpu")
_SPEEDS = ("cpu_capacity", "cpufreq/cpuinfo_max_freq")


def allowed_cores() -> list[int]:
    """Those that this process may run on; empty where the system does not tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def pinned_cores(threads: int, cpus: Path = _CPUS) -> list[int]:
    """The cores that a process of so many threads is kept to; none where it needs all that it may use.

    The fastest; of those as fast, first one of each physical core; of those again, the last ones, for the first mostly
    serve the system's interrupts. Processes that take turns share theirs, so that a core that is slower than another
    slows all of them.
    """
    if threads < 1:
        raise MeasureError(f"{threads} threads: at least 1 is needed")
    allowed = allowed_cores()
    if threads >= len(allowed):
        return []
    ranked, seen = [], list[str]()
    for core in reversed(allowed):
        siblings = read_text(cpus / f"cpu{core}/topology/thread_siblings_list") or str(core)
        speed = [_number(cpus / f"cpu{core}" / name) for name in _SPEEDS]
        ranked.append((speed, -seen.count(siblings), core))
        seen.append(siblings)
    return sorted(core for _, _, core in sorted(ranked, reverse=True)[:threads])


@contextmanager
def kept_to(cores: Collection[int]) -> Iterator[None]:
    """Keep this thread to these cores for as long as the context; where there are none, to those that it has."""
    before = allowed_cores()
    if cores:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        if cores:
            os.sched_setaffinity(0, before)


def _number(path: Path) -> int:
    text = read_text(path)
    return int(text) if text and text.isdigit() else 0
