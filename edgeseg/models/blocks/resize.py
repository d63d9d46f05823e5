"""Bilinear resizing and the sizes that a network takes."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from edgeseg.core.errors import InputError
from edgeseg.core.types import Card

__all__ = ["check_size", "crop", "resize", "shrink"]


def resize(x: Tensor, like: Tensor, *, align_corners: bool = True) -> Tensor:
    """(N, C, h, w) -> (N, C, H, W), to the height and width of `like`."""
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=align_corners)


def crop(x: Tensor, like: Tensor) -> Tensor:
    """(N, C, h, w) -> (N, C, H, W), the top left part that has the height and width of `like`."""
    return x if x.shape[2:] == like.shape[2:] else x[:, :, : like.shape[2], : like.shape[3]]


def shrink(x: Tensor, factor: int) -> Tensor:
    """(N, C, H, W) -> (N, C, H // factor, W // factor), bilinearly with aligned corners."""
    size = (x.shape[2] // factor, x.shape[3] // factor)
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


def check_size(image: Tensor, card: Card, *, multiple: int, rounding: int = 1) -> None:
    """Refuse an image (N, C, H, W) whose branches would not meet, naming the nearest size that the network takes.

    Each side, rounded up to a multiple of `rounding` (the stride at which the finest branch ends), must be a multiple
    of `multiple`. Raises InputError.
    """
    height, width = image.shape[2:]
    if any(-(-side // rounding) * rounding % multiple for side in (height, width)):
        near = "x".join(str(max(1, round(side / multiple)) * multiple) for side in (height, width))
        raise InputError(f"{card.name} cannot take {height}x{width}; it takes {card.sizes}, for example {near}")
