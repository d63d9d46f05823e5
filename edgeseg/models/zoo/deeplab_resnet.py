"""DeepLabv3+, Encoder-Decoder with Atrous Separable Convolution, ECCV 2018, https://arxiv.org/abs/1802.02611.

With the "beta" ResNets of tensorflow/models, an atrous pyramid and a decoder at stride 4. Published at output stride
16; 8 has the same weights.
"""

from __future__ import annotations

import keras
from keras import layers

from edgeseg.core.types import Card, Normalization, Published, Size
from edgeseg.models.backbones.resnet_keras import Depth, resnet_beta
from edgeseg.models.blocks.keras_aspp import aspp, decoder
from edgeseg.models.blocks.keras_deeplab import segmenter

__all__ = ["CARD_50", "CARD_101", "deeplab_resnet50_beta", "deeplab_resnet101_beta"]

CARD_50 = Card(
    name="deeplab_resnet50_beta",
    title="DeepLabv3+ with ResNet-50 (beta)",
    paper="https://arxiv.org/abs/1802.02611",
    year=2018,
    framework="keras",
    size=Size(513, 1025),
    normalization=Normalization(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    published=Published(checkpoint="resnet_v1_50_2018_05_04 (ImageNet)"),
    sizes="any size, best a multiple of 16 plus 1",
)

CARD_101 = Card(
    name="deeplab_resnet101_beta",
    title="DeepLabv3+ with ResNet-101 (beta)",
    paper="https://arxiv.org/abs/1802.02611",
    year=2018,
    framework="keras",
    size=Size(513, 1025),
    normalization=Normalization(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    published=Published(checkpoint="resnet_v1_101_2018_05_04 (ImageNet)"),
    sizes="any size, best a multiple of 16 plus 1",
)


def deeplab_resnet50_beta(classes: int = 19, size: Size = CARD_50.size, output_stride: int = 16) -> keras.Model:
    """(N, H, W, 3) -> logits (N, H, W, classes)."""
    return _deeplab(CARD_50.name, classes, size, output_stride, depth=50)


def deeplab_resnet101_beta(classes: int = 19, size: Size = CARD_101.size, output_stride: int = 16) -> keras.Model:
    """(N, H, W, 3) -> logits (N, H, W, classes)."""
    return _deeplab(CARD_101.name, classes, size, output_stride, depth=101)


def _deeplab(name: str, classes: int, size: Size, output_stride: int, depth: Depth) -> keras.Model:
    image = layers.Input((size.height, size.width, 3), name="image")
    features, low = resnet_beta(image, depth, output_stride)
    return segmenter(name, image, decoder(aspp(features, output_stride), low), classes)
