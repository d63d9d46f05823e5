"""What a runtime's own profiler says of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Arithmetic", "Kernel", "Trace"]

Arithmetic: TypeAlias = Literal["int8", "float", "conversion", "other"]
"""What a kernel computes in. A `conversion` goes from one to the other; `other` is on shapes and indices alone."""


@dataclass(frozen=True)
class Kernel:
    """A kernel that a runtime ran, in the runtime's own words, and its median time a run.

    `name` is that of the node it ran, `index` the place of the file's operator, where the runtime says so. Kernels with
    a `part` ran inside of that delegate, which took operators of the file and does not say which; parts are numbered in
    the order in which they ran. `arithmetic` is None where only the file tells.
    """

    op: str
    ms: float
    name: str = ""
    index: int | None = None
    part: int | None = None
    arithmetic: Arithmetic | None = None


@dataclass(frozen=True)
class Trace:
    """Kernels in the order in which they ran, and the median time of a whole run with the profiler on."""

    kernels: tuple[Kernel, ...]
    run_ms: float
