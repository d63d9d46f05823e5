"""Peak resident memory of this process, in MiB.

Linux: VmHWM of /proc/self/status, which counts this program alone. (getrusage's ru_maxrss is handed on through
fork and exec, so the child of a 500 MiB parent reports 500 MiB before it has done anything.) macOS: ru_maxrss.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

if sys.platform != "win32":
    import resource

__all__ = ["MEANING", "peak_rss_mib"]

MEANING = "peak resident memory of the process that runs the artifact, interpreter and runtime library included"
"""What `peak_rss_mib` measures, for footnotes."""

_STATUS = Path("/proc/self/status")
_BYTES_PER_MIB = 2**20
_KIB_PER_MIB = 2**10


def peak_rss_mib() -> float | None:
    """Peak resident memory of this process since it started; None where the system does not tell."""
    if _STATUS.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="ascii", errors="replace"), re.MULTILINE)
        if found:
            return int(found[1]) / _KIB_PER_MIB
    if sys.platform == "win32":
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (_BYTES_PER_MIB if sys.platform == "darwin" else _KIB_PER_MIB)
