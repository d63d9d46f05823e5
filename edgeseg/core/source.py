"""MODEL as it was typed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from edgeseg.core.types import ChannelOrder, Layout, Normalization, Size

__all__ = ["Source"]


@dataclass(frozen=True)
class Source:
    """A MODEL as it was typed, with the facts that the user adds to it; None where she adds nothing."""

    target: str
    classes: int | None = None
    weights: str | None = None
    size: Size | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    layout: Layout | None = None
    align_corners: bool | None = None
    channels: ChannelOrder | None = None
    output_stride: int | None = None
    cell: str | None = None

    def normalized(self, own: Normalization) -> Normalization:
        """A model's own normalization with what was given of it in its place."""
        return Normalization(self.mean or own.mean, self.std or own.std, self.channels or own.order)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, for the process that measures."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Source:
        """Read what `to_json` wrote."""
        size, mean, std = values["size"], values["mean"], values["std"]
        return cls(
            **{
                **values,
                "size": Size(**size) if size else None,
                "mean": tuple(mean) if mean else None,
                "std": tuple(std) if std else None,
            }
        )
