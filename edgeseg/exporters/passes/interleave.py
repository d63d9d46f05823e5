"""Between cells of pixels and channels, and padding: as a channels-last format wants it.

All turn a map's channels to its end and back. Where such a turn meets its opposite a converter drops both, and what
stands between is left in the format's own layout, which the converter would not find for itself.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

__all__ = ["from_cells", "from_channels", "padded", "to_channels"]


def from_cells(x: Tensor, rows: int, columns: int) -> Tensor:
    """(N, rows * columns * C, H, W) -> (N, C, rows * H, columns * W), the pixels of a cell outermost.

    One transposition of whole pixels, whose channels lie beside each other.
    """
    n, channels, height, width = x.shape
    inner = channels // (rows * columns)
    cells = x.permute(0, 2, 3, 1).reshape(n * height, width, rows, columns * inner).transpose(1, 2)
    return cells.reshape(n, height * rows, width * columns, inner).permute(0, 3, 1, 2)


def from_channels(x: Tensor, rows: int, columns: int) -> Tensor:
    """(N, C * rows * columns, H, W) -> (N, C, rows * H, columns * W), the pixels of a cell innermost."""
    n, channels, height, width = x.shape
    outer = channels // (rows * columns)
    cells = x.permute(0, 2, 3, 1).reshape(n * height, width, outer, rows, columns).permute(0, 3, 1, 4, 2)
    return cells.reshape(n, height * rows, width * columns, outer).permute(0, 3, 1, 2)


def to_channels(x: Tensor, rows: int, columns: int) -> Tensor:
    """(N, C, rows * H, columns * W) -> (N, C * rows * columns, H, W), the pixels of a cell innermost."""
    n, channels, height, width = x.shape
    cells = x.permute(0, 2, 3, 1).reshape(n * height // rows, rows, width // columns, columns, channels)
    inner = channels * rows * columns
    return cells.permute(0, 2, 4, 1, 3).reshape(n, height // rows, width // columns, inner).permute(0, 3, 1, 2)


def padded(x: Tensor, margins: tuple[int, ...]) -> Tensor:
    """(N, C, H, W) with zeros of margins (left, right, above, below) around; margins below zero cut off."""
    if not any(margins):
        return x
    return F.pad(x.permute(0, 2, 3, 1), (0, 0, *margins)).permute(0, 3, 1, 2)
