"""Parts in a row, by name."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

__all__ = ["named"]


def named(**parts: nn.Module) -> nn.Sequential:
    """A Sequential of the parts in the given order, whose weights are called `part.weight` and so on."""
    return nn.Sequential(OrderedDict(parts))
