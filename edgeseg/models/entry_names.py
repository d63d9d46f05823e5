"""What training scripts put before the names of the entries that they save."""

from __future__ import annotations

import re
from collections.abc import Collection

__all__ = ["AVERAGED", "prefix"]

AVERAGED = re.compile(r"(?<![a-z])(ema|avg|averaged|swa)(?![a-z])|EMA|SWA|Ema(?![a-z])|shadow")
"""In the key of averaged weights."""

_PREFIXES = ("module.", "_orig_mod.", "model.", "network.", "net.")
"""Before every name, where a training script saved a network wrapped in another."""


def prefix(names: Collection[str]) -> str:
    """Those of a wrapped network that all names begin with."""
    found = ""
    while step := next((p for p in _PREFIXES if names and all(name.startswith(found + p) for name in names)), ""):
        found += step
    return found
