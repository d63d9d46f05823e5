"""Names for a network's classes where nobody gave any."""

from __future__ import annotations

__all__ = ["class_names"]

_CITYSCAPES = (
    *(
        "road",
        "sidewalk",
        "building",
        "wall",
        "fence",
        "pole",
        "traffic light",
        "traffic sign",
        "vegetation",
        "terrain",
    ),
    *("sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle"),
)


def class_names(count: int) -> tuple[str, ...]:
    """Cityscapes' train classes for 19, else `class_0`, `class_1` and so on."""
    return _CITYSCAPES if count == len(_CITYSCAPES) else tuple(f"class_{i}" for i in range(count))
