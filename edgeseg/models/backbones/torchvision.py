"""How torchvision names the ImageNet weights of a backbone, https://docs.pytorch.org/vision/stable/models.html."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["TorchvisionFile"]


@dataclass(frozen=True)
class TorchvisionFile:
    """Where the entries of torchvision's file differ from the backbone's, by prefixes of their names.

    `renamed`: theirs to ours. `ignored`: what the file alone has, the classifier. `absent`: what the backbone alone may
    have, which keeps its random weights.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
