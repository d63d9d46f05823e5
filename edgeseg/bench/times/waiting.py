"""How long this process waited for processors that others had, where the kernel keeps count."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import Self

from edgeseg.core.cpu import read_text

__all__ = ["MOST_WAITED_PERCENT", "Waited"]

MOST_WAITED_PERCENT = 3.0
"""Of a run's time; beyond it, times tell of the neighbours too."""

_TASKS = Path("/proc/self/task")
_WAITED, _SPELLS = 1, 2
"""Places in schedstat: the nanoseconds for which a thread could run, but had no processor, and how often it ran, which
is never where the kernel keeps no count."""


@dataclass(frozen=True)
class Waited:
    """The clock and the waiting of each thread in ns, by its number; None where the kernel does not tell."""

    clock_ns: int
    threads_ns: dict[str, int] | None

    @classmethod
    def now(cls, tasks: Path = _TASKS) -> Self:
        """Of this process so far."""
        found = {each.parent.name: (read_text(each) or "").split() for each in tasks.glob("*/schedstat")}
        told = {thread: int(counts[_WAITED]) for thread, counts in found.items() if counts and int(counts[_SPELLS])}
        return cls(perf_counter_ns(), told or None)

    def since(self, before: Waited) -> tuple[int, int] | None:
        """Nanoseconds that all threads waited together, and those that went by."""
        if self.threads_ns is None or before.threads_ns is None:
            return None
        waited = sum(ns - before.threads_ns.get(thread, 0) for thread, ns in self.threads_ns.items())
        return waited, self.clock_ns - before.clock_ns
