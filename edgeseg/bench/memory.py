"""Peak resident memory of this process, in MiB.

Linux: VmHWM of /proc/self/status, which counts this program alone. (getrusage's ru_maxrss is handed on through
fork and exec, so the child of a 500 MiB parent reports 500 MiB before it has done anything.) macOS: ru_maxrss.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":
    import resource

__all__ = ["MEANING", "MemoryMark", "added_peak_mib", "mark", "peak_rss_mib"]

MEANING = "peak resident memory of the process that runs the artifact, interpreter and runtime library included"
"""What `peak_rss_mib` measures, for footnotes."""

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
_BYTES_PER_MIB = 2**20
_KIB_PER_MIB = 2**10


@dataclass(frozen=True)
class MemoryMark:
    """A moment to measure from: the peak that stood then, after the system was asked to forget older peaks."""

    peak_mib: float | None
    forgot_earlier: bool
    """False where the system keeps older peaks (not Linux, or not permitted); growth below them is not seen."""


def peak_rss_mib() -> float | None:
    """Peak resident memory of this process since it started or since `mark`; None where the system does not tell."""
    if _STATUS.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="ascii", errors="replace"), re.MULTILINE)
        if found:
            return int(found[1]) / _KIB_PER_MIB
    if sys.platform == "win32":
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (_BYTES_PER_MIB if sys.platform == "darwin" else _KIB_PER_MIB)


def mark() -> MemoryMark:
    """Forget the peak so far where the system permits it, and remember what is resident now."""
    try:
        _CLEAR_REFS.write_text(_RESET_PEAK, encoding="ascii")
    except OSError:
        return MemoryMark(peak_rss_mib(), forgot_earlier=False)
    return MemoryMark(peak_rss_mib(), forgot_earlier=True)


def added_peak_mib(since: MemoryMark) -> float | None:
    """How far the peak has risen above the mark: what a session's opening and runs added to the bare process."""
    now = peak_rss_mib()
    return None if now is None or since.peak_mib is None else now - since.peak_mib
