"""Names for a network's classes where nobody gave any."""

from __future__ import annotations

from edgeseg.core.cityscapes import CITYSCAPES_CLASSES

__all__ = ["class_names"]


def class_names(count: int) -> tuple[str, ...]:
    """Cityscapes' train classes for 19, else `class_0`, `class_1` and so on."""
    known = CITYSCAPES_CLASSES
    return known if count == len(known) else tuple(f"class_{i}" for i in range(count))
