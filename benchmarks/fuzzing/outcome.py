"""What came of one random network in one format."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from edgeseg.core.types import Format

__all__ = ["LEAST_DB", "Outcome"]

LEAST_DB = 20.0
"""Signal to quantization noise that a quantized file must have at its scores."""


@dataclass(frozen=True)
class Outcome:
    """A file wholly in int8, or mixed: with layers in float for a budget of noise that int8 alone did not keep.

    `reason` says why there is no `sqnr_db`: an error of edgeseg (refused), another (failed), a death (crashed).
    """

    seed: int
    format: Format
    kind: Literal["int8", "mixed", "refused", "failed", "crashed"]
    sqnr_db: float | None = None
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether it is what is promised: close to the float file, or refused by name."""
        return self.kind == "refused" or (self.sqnr_db is not None and self.sqnr_db >= LEAST_DB)

    @property
    def kind_of_reason(self) -> str:
        """The reason without the names and numbers of the one case."""
        return re.sub(r"\d+(\.\d+)?(e-?\d+)?", "N", re.sub(r"\S*fuzz\S*: ", "", self.reason))
