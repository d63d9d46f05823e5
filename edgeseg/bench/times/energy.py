"""The energy that the processor has taken, from Intel's and AMD's running average power limit (RAPL)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeseg.core.cpu import read_text

__all__ = ["Counter", "counters", "spent_mj"]

_POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Counter:
    """A package's counter in microjoules, and the range after which it begins again."""

    path: Path
    range_uj: int

    def read(self) -> int | None:
        """None where reading is not allowed."""
        text = read_text(self.path)
        return int(text) if text is not None and text.isdigit() else None


def counters(folder: Path = _POWERCAP) -> tuple[Counter, ...]:
    """Of every processor package; none where the system has none or does not let them be read.

    Other zones are parts of a package, or the whole platform with the packages in it.
    """
    found = []
    for zone in sorted(folder.glob("intel-rapl:*")):
        if not (read_text(zone / "name") or "").startswith("package"):
            continue
        size = read_text(zone / "max_energy_range_uj")
        counter = Counter(zone / "energy_uj", int(size) if size and size.isdigit() else 0)
        if counter.read() is not None:
            found.append(counter)
    return tuple(found)


def spent_mj(counters: tuple[Counter, ...], before: list[int | None], after: list[int | None]) -> float | None:
    """Millijoules between two readings of the counters; None without any, or where one could not be read."""
    spent = 0
    for counter, first, last in zip(counters, before, after, strict=True):
        if first is None or last is None or (last < first and not counter.range_uj):
            return None
        spent += last - first if last >= first else last - first + counter.range_uj
    return spent / 1000 if counters else None
