"""DeepLabv3 (https://arxiv.org/abs/1706.05587) with MobileNetEdgeTPU, "EdgeTPU-DeepLab" of tensorflow/models.

Image pooling beside one 1x1 convolution, no atrous pyramid and no decoder. Published at output stride 16 and 32, with
the same weights.
"""

from __future__ import annotations

import keras
from keras import layers

from edgeseg.core.types import Card, Normalization, Published, Size
from edgeseg.models.backbones.mobilenet_edgetpu_keras import mobilenet_edgetpu
from edgeseg.models.blocks.keras_deeplab import image_level_head, segmenter

__all__ = ["CARD", "CARD_SLIM", "deeplab_edgetpu", "deeplab_edgetpu_slim"]

CARD = Card(
    name="deeplab_edgetpu",
    title="DeepLabv3 with MobileNetEdgeTPU, output stride 16",
    paper="https://ai.googleblog.com/2019/11/introducing-next-generation-on-device.html",
    year=2020,
    framework="keras",
    size=Size(513, 1025),
    normalization=Normalization(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    published=Published(
        madds_billions=7.1, miou_percent=74.1, size=Size(513, 513), checkpoint="edgetpu-deeplab_2020_03_09"
    ),
    sizes="any size, best a multiple of 16 plus 1",
    deviation="No size was published with the MAdds; they fit 513x513",
)

CARD_SLIM = Card(
    name="deeplab_edgetpu_slim",
    title="DeepLabv3 with MobileNetEdgeTPU at depth multiplier 0.75, output stride 16",
    paper="https://ai.googleblog.com/2019/11/introducing-next-generation-on-device.html",
    year=2020,
    framework="keras",
    size=Size(513, 1025),
    normalization=Normalization(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    published=Published(
        madds_billions=4.3, miou_percent=73.2, size=Size(513, 513), checkpoint="edgetpu-deeplab-slim_2020_03_09"
    ),
    sizes="any size, best a multiple of 16 plus 1",
    deviation="No size was published with the MAdds; they fit 513x513. The backbone's last convolution has 1280 "
    "channels, as in the published int8 file; the published code would make 960 of them, which last_channels=960 does",
)


def deeplab_edgetpu(classes: int = 19, size: Size = CARD.size, output_stride: int = 16) -> keras.Model:
    """(N, H, W, 3) -> logits (N, H, W, classes)."""
    image = layers.Input((size.height, size.width, 3), name="image")
    features = image_level_head(mobilenet_edgetpu(image, 1.0, output_stride), 256)
    return segmenter(CARD.name, image, features, classes)


def deeplab_edgetpu_slim(
    classes: int = 19, size: Size = CARD_SLIM.size, output_stride: int = 16, last_channels: int = 1280
) -> keras.Model:
    """(N, H, W, 3) -> logits (N, H, W, classes). `last_channels` are those of the backbone's last convolution."""
    image = layers.Input((size.height, size.width, 3), name="image")
    features = image_level_head(mobilenet_edgetpu(image, 0.75, output_stride, last_channels), 128)
    return segmenter(CARD_SLIM.name, image, features, classes)
