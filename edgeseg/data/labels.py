"""Class names, colours and label ids."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CAMVID_CLASSES",
    "CAMVID_PALETTE",
    "CITYSCAPES_CLASSES",
    "CITYSCAPES_LABEL_IDS",
    "CITYSCAPES_PALETTE",
    "IGNORE",
    "colorize",
    "label_id_table",
]

IGNORE = 255
"""Train id of pixels that belong to no class and count for nothing."""

_CITYSCAPES: tuple[tuple[str, int, tuple[int, int, int]], ...] = (
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

CITYSCAPES_CLASSES = tuple(name for name, _, _ in _CITYSCAPES)
CITYSCAPES_LABEL_IDS = tuple(label_id for _, label_id, _ in _CITYSCAPES)
CITYSCAPES_PALETTE = tuple(colour for _, _, colour in _CITYSCAPES)

CAMVID_CLASSES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist",
)  # fmt: skip
CAMVID_PALETTE = (
    (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0), (192, 128, 128),
    (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192),
)  # fmt: skip


def label_id_table() -> NDArray[np.uint8]:
    """(256,) Cityscapes label id -> train id; void ids, and 255 for the id -1, give IGNORE."""
    table = np.full(256, IGNORE, np.uint8)
    table[list(CITYSCAPES_LABEL_IDS)] = np.arange(len(CITYSCAPES_LABEL_IDS))
    return table


def colorize(label: NDArray[np.uint8], palette: tuple[tuple[int, int, int], ...]) -> NDArray[np.uint8]:
    """(H, W) train ids -> (H, W, 3) RGB; ids without a colour are black."""
    table = np.zeros((256, 3), np.uint8)
    table[: len(palette)] = palette
    return table[label]
