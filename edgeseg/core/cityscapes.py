"""The 19 Cityscapes classes that networks are trained and scored on."""

from __future__ import annotations

__all__ = ["CITYSCAPES_CLASSES", "CITYSCAPES_LABEL_IDS", "CITYSCAPES_PALETTE"]

_TABLE: tuple[tuple[str, int, tuple[int, int, int]], ...] = (
    ("road", 7, (128, 64, 128)),
    ("sidewalk", 8, (244, 35, 232)),
    ("building", 11, (70, 70, 70)),
    ("wall", 12, (102, 102, 156)),
    ("fence", 13, (190, 153, 153)),
    ("pole", 17, (153, 153, 153)),
    ("traffic light", 19, (250, 170, 30)),
    ("traffic sign", 20, (220, 220, 0)),
    ("vegetation", 21, (107, 142, 35)),
    ("terrain", 22, (152, 251, 152)),
    ("sky", 23, (70, 130, 180)),
    ("person", 24, (220, 20, 60)),
    ("rider", 25, (255, 0, 0)),
    ("car", 26, (0, 0, 142)),
    ("truck", 27, (0, 0, 70)),
    ("bus", 28, (0, 60, 100)),
    ("train", 31, (0, 80, 100)),
    ("motorcycle", 32, (0, 0, 230)),
    ("bicycle", 33, (119, 11, 32)),
)
"""Name, label id and colour in train id order, as published with the data set (Cordts et al., CVPR 2016)."""

CITYSCAPES_CLASSES = tuple(name for name, _, _ in _TABLE)
CITYSCAPES_LABEL_IDS = tuple(label_id for _, label_id, _ in _TABLE)
CITYSCAPES_PALETTE = tuple(colour for _, _, colour in _TABLE)
