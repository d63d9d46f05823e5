"""The windows of a pooling in a traced graph."""

from __future__ import annotations

from dataclasses import dataclass

from torch import fx

from edgeseg.exporters.passes.edit import arguments, pair, shape

__all__ = ["Windows", "windows"]


@dataclass(frozen=True)
class Windows:
    """Along height and width."""

    sides: tuple[int, int]
    """Of the map."""
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    outputs: tuple[int, int]
    """How many there are."""

    @property
    def overhang(self) -> tuple[int, int]:
        """Pixels by which the last windows reach behind the map; below zero where they do not reach its end."""
        ends = zip(self.outputs, self.stride, self._reach, self.sides, self.padding, strict=True)
        height, width = ((outputs - 1) * step + reach - side - pad for outputs, step, reach, side, pad in ends)
        return height, width

    @property
    def rounded_down(self) -> tuple[int, int]:
        """How many there are without `ceil_mode`."""
        ends = zip(self.sides, self.padding, self._reach, self.stride, strict=True)
        height, width = ((side + 2 * pad - reach) // step + 1 for side, pad, reach, step in ends)
        return height, width

    @property
    def margins(self) -> tuple[int, int, int, int]:
        """(left, right, top, bottom) of what the windows reach beyond the map, as `torch.nn.functional.pad` has it."""
        return self.padding[1], self.overhang[1], self.padding[0], self.overhang[0]

    @property
    def _reach(self) -> tuple[int, int]:
        height, width = (step * (side - 1) + 1 for step, side in zip(self.dilation, self.kernel, strict=True))
        return height, width


def windows(node: fx.Node) -> Windows:
    """Of an average or max pooling of (..., H, W)."""
    given = arguments(node)
    return Windows(
        sides=pair(list(shape(given["self"])[-2:])),
        kernel=pair(given["kernel_size"]),
        stride=pair(given["stride"] or given["kernel_size"]),
        padding=pair(given["padding"]),
        dilation=pair(given.get("dilation", 1)),
        outputs=pair(list(shape(node)[-2:])),
    )
