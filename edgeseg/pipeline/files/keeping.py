"""The user's file of what calibration saw."""

from __future__ import annotations

from pathlib import Path

from edgeseg.core.files import need_writable
from edgeseg.core.protocols import Keep
from edgeseg.quantize.ranges.observations import check_whole

__all__ = ["keep_at"]


def keep_at(path: Path) -> Keep:
    """It is used where it is, else to be written; raises InputError, before long work, where it cannot be."""
    if path.exists():
        check_whole(path)
        return Keep(path, add=False)
    need_writable(path, "--calibration")
    return Keep(path, add=True)
