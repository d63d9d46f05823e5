"""Weights that are numbers, looked at before anything is made of them: NaN in a file has many faces later on.

Only the constants of operators that multiply count: infinity elsewhere can have a meaning, as a mask or as no limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import QuantizeError

__all__ = ["Constant", "check_finite"]


@dataclass(frozen=True)
class Constant:
    """A constant that an operator reads as weights or bias."""

    name: str
    reader: str
    values: NDArray[Any]


def check_finite(constants: Iterable[Constant], path: Path) -> None:
    """Raise QuantizeError, for the float file at `path`, where weights are NaN or infinite."""
    for each in constants:
        if each.values.dtype.kind == "f" and not np.isfinite(each.values).all():
            kind = "NaN" if np.isnan(each.values).any() else "infinity"
            raise QuantizeError(
                f"{path}: tensor {each.name} of {each.reader} holds {kind}; the weights are damaged, export the "
                "network again with whole ones"
            )
