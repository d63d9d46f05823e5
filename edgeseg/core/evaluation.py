"""How accuracy is taken: at which scales, mirrored too or not, and at whose size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, get_args

from edgeseg.core.errors import InputError

__all__ = ["At", "Evaluation"]

At: TypeAlias = Literal["input", "label"]


@dataclass(frozen=True)
class Evaluation:
    """What is done with each image, and the size at which its class map is held against its label.

    `scales` are those of the image, over which (and over the mirrored image, with `flip`) class probabilities are
    averaged. `at` is `input`, the network's input size, to which labels are brought; or `label`, their own size, to
    which the scores are upsampled. Raises InputError for what is neither.
    """

    scales: tuple[float, ...] = (1.0,)
    flip: bool = False
    at: At = "input"

    def __post_init__(self) -> None:
        if not self.scales or not all(math.isfinite(scale) and 0 < scale <= 8 for scale in self.scales):
            raise InputError(f"scales {self._listed()}: expected numbers above 0 and up to 8, for example 0.75,1,1.25")
        if len(set(self.scales)) < len(self.scales):
            raise InputError(f"scales {self._listed()}: each can be given once")
        object.__setattr__(self, "scales", tuple(sorted(self.scales)))
        if self.at not in get_args(At):
            raise InputError(f"evaluation at {self.at!r}: expected {' or '.join(get_args(At))}")

    @property
    def is_averaged(self) -> bool:
        """Whether it takes more than one look at the image as it is."""
        return self.flip or self.scales != (1.0,)

    @property
    def takes_whole_images(self) -> bool:
        """Whether images are wanted at their own size, be it to scale them but once, or for their labels'."""
        return self.is_averaged or self.at == "label"

    def __str__(self) -> str:
        words = [
            f"scales {self._listed()}" if self.scales != (1.0,) else "",
            "flip" if self.flip else "",
            "at label size" if self.at == "label" else "",
        ]
        return "; ".join(filter(None, words)) or "plain"

    def _listed(self) -> str:
        return ", ".join(f"{scale:g}" for scale in self.scales)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Evaluation:
        """Read what `to_json` wrote; TypeError or KeyError for anything else."""
        return cls(**{**values, "scales": tuple(values["scales"])})
