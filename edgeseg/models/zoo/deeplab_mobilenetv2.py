"""DeepLabv3 (https://arxiv.org/abs/1706.05587) on MobileNetV2 (https://arxiv.org/abs/1801.04381).

As published in tensorflow/models for small devices: image pooling beside one 1x1 convolution, no atrous pyramid and no
decoder. Published at output stride 16; 8 has the same weights.
"""

from __future__ import annotations

import keras
from keras import layers

from edgeseg.core.types import Card, Normalization, Published, Size
from edgeseg.models.backbones.mobilenetv2_keras import mobilenetv2
from edgeseg.models.blocks.keras_deeplab import image_level_head, segmenter

__all__ = ["CARD", "CARD_DM05", "deeplab_mobilenetv2", "deeplab_mobilenetv2_dm05"]

CARD = Card(
    name="deeplab_mobilenetv2",
    title="DeepLabv3 with MobileNetV2, output stride 16",
    paper="https://arxiv.org/abs/1801.04381",
    year=2018,
    framework="keras",
    size=Size(513, 1025),
    normalization=Normalization(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    published=Published(
        madds_billions=21.27,
        miou_percent=70.71,
        size=Size(1025, 2049),
        checkpoint="deeplabv3_mnv2_cityscapes_train_2018_02_05",
        checkpoint_mb=23,
    ),
    sizes="any size, best a multiple of 16 plus 1",
)

CARD_DM05 = Card(
    name="deeplab_mobilenetv2_dm05",
    title="DeepLabv3 with MobileNetV2 at depth multiplier 0.5, output stride 16",
    paper="https://arxiv.org/abs/1801.04381",
    year=2018,
    framework="keras",
    size=Size(513, 1025),
    normalization=Normalization(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    published=Published(
        madds_billions=0.88,
        miou_percent=70.19,
        dataset="PASCAL VOC 2012 val",
        size=Size(513, 513),
        checkpoint="deeplabv3_mnv2_dm05_pascal_trainaug_2018_10_01",
        checkpoint_mb=7.6,
    ),
    sizes="any size, best a multiple of 16 plus 1",
    deviation="0.867 G MAdds by count at 513x513 with 21 classes, 1.4 % below the published 0.88 G; no rounding of the "
    "channels explains it",
    weights="deeplab_mobilenetv2_dm05_scenes.safetensors",
    weights_command="edgeseg train deeplab_mobilenetv2_dm05 --steps 1200 --batch 8 --crop 257x513 --lr 0.004 "
    "--warmup 50 --balance 0.4 --size 512x1024",
)


def deeplab_mobilenetv2(classes: int = 19, size: Size = CARD.size, output_stride: int = 16) -> keras.Model:
    """(N, H, W, 3) -> logits (N, H, W, classes)."""
    return _deeplab(CARD.name, classes, size, output_stride, multiplier=1.0)


def deeplab_mobilenetv2_dm05(classes: int = 19, size: Size = CARD_DM05.size, output_stride: int = 16) -> keras.Model:
    """(N, H, W, 3) -> logits (N, H, W, classes)."""
    return _deeplab(CARD_DM05.name, classes, size, output_stride, multiplier=0.5)


def _deeplab(name: str, classes: int, size: Size, output_stride: int, multiplier: float) -> keras.Model:
    image = layers.Input((size.height, size.width, 3), name="image")
    features = image_level_head(mobilenetv2(image, multiplier, output_stride))
    return segmenter(name, image, features, classes)
