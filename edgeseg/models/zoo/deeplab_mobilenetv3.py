"""DeepLab with MobileNetV3 and the head Lite R-ASPP (https://arxiv.org/abs/1905.02244, section 6.4).

As published in tensorflow/models, at output stride 32 with a decoder at 8; 16 and 8 have the same weights. The pooling
window is as large as there, 769 pixels a side, where the image is; else it is as large as the image's shorter side.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from edgeseg.core.types import Card, Normalization, Published, Size
from edgeseg.models.backbones.mobilenetv3_keras import Variant, mobilenetv3
from edgeseg.models.blocks.keras_conv import conv_bn
from edgeseg.models.blocks.keras_deeplab import HEAD_NORM
from edgeseg.models.blocks.keras_hard import HardSigmoid
from edgeseg.models.blocks.keras_resize import ResizeBilinear

__all__ = ["CARD_LARGE", "CARD_SMALL", "deeplab_mobilenetv3_large", "deeplab_mobilenetv3_small"]

CARD_LARGE = Card(
    name="deeplab_mobilenetv3_large",
    title="DeepLab with MobileNetV3-Large and Lite R-ASPP, output stride 32",
    paper="https://arxiv.org/abs/1905.02244",
    year=2019,
    framework="keras",
    size=Size(513, 1025),
    normalization=Normalization(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    published=Published(
        madds_billions=15.95,
        miou_percent=72.41,
        size=Size(1025, 2049),
        checkpoint="deeplab_mnv3_large_cityscapes_trainfine_2019_11_15",
        checkpoint_mb=17,
    ),
    sizes="any size, best a multiple of 32 plus 1",
    deviation="7.58 G MAdds by count; the published 15.95 G are, as far as can be told, floating-point operations, two "
    "to a MAdd. Images below 769 pixels a side get a smaller pooling window",
)

CARD_SMALL = Card(
    name="deeplab_mobilenetv3_small",
    title="DeepLab with MobileNetV3-Small and Lite R-ASPP, output stride 32",
    paper="https://arxiv.org/abs/1905.02244",
    year=2019,
    framework="keras",
    size=Size(513, 1025),
    normalization=Normalization(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    published=Published(
        madds_billions=4.63,
        miou_percent=68.99,
        size=Size(1025, 2049),
        checkpoint="deeplab_mnv3_small_cityscapes_trainfine_2019_11_15",
        checkpoint_mb=5,
    ),
    sizes="any size, best a multiple of 32 plus 1",
    deviation="1.96 G MAdds by count; the published 4.63 G are, as far as can be told, floating-point operations, two "
    "to a MAdd. Images below 769 pixels a side get a smaller pooling window",
)

_WINDOW = 769
"""Side of what is pooled over, in pixels: the crop that the published weights were trained on."""


def deeplab_mobilenetv3_large(classes: int = 19, size: Size = CARD_LARGE.size, output_stride: int = 32) -> keras.Model:
    """(N, H, W, 3) -> logits (N, H, W, classes)."""
    return _deeplab(CARD_LARGE.name, classes, size, output_stride, "large")


def deeplab_mobilenetv3_small(classes: int = 19, size: Size = CARD_SMALL.size, output_stride: int = 32) -> keras.Model:
    """(N, H, W, 3) -> logits (N, H, W, classes)."""
    return _deeplab(CARD_SMALL.name, classes, size, output_stride, "small")


def _deeplab(name: str, classes: int, size: Size, output_stride: int, variant: Variant) -> keras.Model:
    image = layers.Input((size.height, size.width, 3), name="image")
    x, detail = mobilenetv3(image, variant, output_stride)
    x = _lite_raspp(x, window=(_WINDOW - 1) // output_stride + 1)
    x = ResizeBilinear(detail.shape[1:3], name="decoder.resize")(x)
    branches = [
        layers.Conv2D(classes, 1, name="decoder.feature_projection0")(detail),
        layers.Conv2D(classes, 1, name="decoder.decoder_conv0")(x),
    ]
    scores = layers.Add(name="decoder.add")(branches)
    return keras.Model(image, ResizeBilinear((size.height, size.width), name="upsample")(scores), name=name)


def _lite_raspp(x: Any, window: int) -> Any:
    """A 1x1 convolution, times a gate of what is around."""
    grid = x.shape[1:3]
    gate = layers.AveragePooling2D(min(window, *grid), (4, 5), name="image_pooling.mean")(x)
    gate = layers.Conv2D(128, 1, name="image_pooling")(gate)
    gate = HardSigmoid(name="image_pooling.gate")(gate)
    gate = ResizeBilinear(grid, name="image_pooling.resize")(gate)
    x = conv_bn(x, 128, "aspp0", HEAD_NORM, act=layers.ReLU)
    return layers.Multiply(name="aspp0.scale")([gate, x])
