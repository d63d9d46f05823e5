"""An efficient solution for semantic segmentation: ShuffleNet V2 with atrous separable convolutions, SCIA 2019.

https://arxiv.org/abs/1902.07476. Two heads on ShuffleNet V2: DeepLabv3's, of image pooling beside one 1x1 convolution,
and the dense prediction cell (https://arxiv.org/abs/1809.04184). As in the published checkpoints, the backbone itself
is not dilated. Published at output stride 16; another has the same weights.
"""

from __future__ import annotations

from pathlib import Path

import keras
from keras import layers

from edgeseg.core.types import Card, Normalization, Published, Size
from edgeseg.models.backbones.shufflenetv2_keras import shufflenetv2 as backbone
from edgeseg.models.blocks.keras_deeplab import image_level_head, segmenter
from edgeseg.models.blocks.keras_dpc import dense_prediction_cell, read_cell

__all__ = ["CARD", "CARD_DPC", "shufflenetv2", "shufflenetv2_dpc"]

CARD = Card(
    name="shufflenetv2",
    title="ShuffleNet V2 with DeepLabv3's image-level head, output stride 16",
    paper="https://arxiv.org/abs/1902.07476",
    year=2019,
    framework="keras",
    size=Size(513, 1025),
    normalization=Normalization(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    published=Published(miou_percent=67.7, checkpoint="shufflenetv2_basic_cityscapes_67_7", checkpoint_mb=4.9),
    sizes="any size, best a multiple of 16 plus 1",
)

CARD_DPC = Card(
    name="shufflenetv2_dpc",
    title="ShuffleNet V2 with the dense prediction cell, output stride 16",
    paper="https://arxiv.org/abs/1902.07476",
    year=2019,
    framework="keras",
    size=Size(513, 1025),
    normalization=Normalization(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    published=Published(miou_percent=71.3, checkpoint="shufflenetv2_dpc_cityscapes_71_3", checkpoint_mb=6.3),
    sizes="any size, best a multiple of 16 plus 1",
)


def shufflenetv2(classes: int = 19, size: Size = CARD.size, output_stride: int = 16) -> keras.Model:
    """(N, H, W, 3) -> logits (N, H, W, classes)."""
    image = layers.Input((size.height, size.width, 3), name="image")
    return segmenter(CARD.name, image, image_level_head(backbone(image, output_stride)), classes)


def shufflenetv2_dpc(
    classes: int = 19, size: Size = CARD_DPC.size, output_stride: int = 16, cell: str | Path | None = None
) -> keras.Model:
    """(N, H, W, 3) -> logits (N, H, W, classes). `cell` is the JSON file of another dense prediction cell."""
    image = layers.Input((size.height, size.width, 3), name="image")
    features = dense_prediction_cell(backbone(image, output_stride), read_cell(cell), output_stride)
    return segmenter(CARD_DPC.name, image, features, classes)
