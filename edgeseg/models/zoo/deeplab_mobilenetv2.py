"""DeepLabv3 (https://arxiv.org/abs/1706.05587) on MobileNetV2 (https://arxiv.org/abs/1801.04381), output stride 16.

As published in tensorflow/models for small devices: image pooling beside one 1x1 convolution, no atrous pyramid and no
decoder.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from edgeseg.core.types import Card, Normalization, Published, Size
from edgeseg.models.backbones.mobilenetv2_keras import mobilenetv2
from edgeseg.models.blocks.keras_conv import Norm, conv_bn
from edgeseg.models.blocks.keras_resize import ResizeBilinear

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
        dataset="PASCAL VOC 2012 val",
        size=Size(513, 513),
        checkpoint="deeplabv3_mnv2_dm05_pascal_trainaug_2018_10_01",
    ),
    sizes="any size, best a multiple of 16 plus 1",
    deviation="0.867 G MAdds by count at 513x513 with 21 classes, 1.4 % below the published 0.88 G; no rounding of the "
    "channels explains it",
    weights="deeplab_mobilenetv2_dm05_scenes.safetensors",
    weights_command="edgeseg train deeplab_mobilenetv2_dm05 --steps 1200 --batch 8 --crop 257x513 --lr 0.004 "
    "--warmup 50 --balance 0.4 --size 512x1024",
)

_NORM = Norm(epsilon=1e-5, momentum=0.9997)


def deeplab_mobilenetv2(classes: int = 19, size: Size = CARD.size) -> keras.Model:
    """(N, H, W, 3) -> logits (N, H, W, classes)."""
    return _deeplab(CARD.name, classes, size, multiplier=1.0)


def deeplab_mobilenetv2_dm05(classes: int = 19, size: Size = CARD_DM05.size) -> keras.Model:
    """(N, H, W, 3) -> logits (N, H, W, classes)."""
    return _deeplab(CARD_DM05.name, classes, size, multiplier=0.5)


def _deeplab(name: str, classes: int, size: Size, multiplier: float) -> keras.Model:
    image = layers.Input((size.height, size.width, 3), name="image")
    x = _head(mobilenetv2(image, multiplier))
    scores = layers.Conv2D(classes, 1, name="logits.semantic")(x)
    return keras.Model(image, ResizeBilinear((size.height, size.width), name="upsample")(scores), name=name)


def _head(x: Any) -> Any:
    grid = x.shape[1:3]
    pooled = layers.GlobalAveragePooling2D(keepdims=True, name="global_mean")(x)
    pooled = conv_bn(pooled, 256, "image_pooling", _NORM, act=layers.ReLU)
    pooled = ResizeBilinear(grid, name="image_pooling.resize")(pooled)
    branches = [pooled, conv_bn(x, 256, "aspp0", _NORM, act=layers.ReLU)]
    x = layers.Concatenate(name="concat")(branches)
    x = conv_bn(x, 256, "concat_projection", _NORM, act=layers.ReLU)
    return layers.Dropout(0.1, name="dropout")(x)
