"""DeepLabv3+, Encoder-Decoder with Atrous Separable Convolution, ECCV 2018, https://arxiv.org/abs/1802.02611.

With the Xception backbones of tensorflow/models and a decoder at stride 4. Before it stands the atrous pyramid, or the
dense prediction cell of https://arxiv.org/abs/1809.04184. Published at output stride 16; 8 has the same weights.
"""

from __future__ import annotations

from pathlib import Path

import keras
from keras import layers

from edgeseg.core.types import Card, Normalization, Published, Size
from edgeseg.models.backbones.xception_keras import Depth, xception
from edgeseg.models.blocks.keras_aspp import aspp, decoder
from edgeseg.models.blocks.keras_deeplab import segmenter
from edgeseg.models.blocks.keras_dpc import dense_prediction_cell, read_cell

__all__ = [
    "CARD_41",
    "CARD_65",
    "CARD_71",
    "CARD_71_DPC",
    "deeplab_xception41",
    "deeplab_xception65",
    "deeplab_xception71",
    "deeplab_xception71_dpc",
]

CARD_41 = Card(
    name="deeplab_xception41",
    title="DeepLabv3+ with Xception-41",
    paper="https://arxiv.org/abs/1802.02611",
    year=2018,
    framework="keras",
    size=Size(513, 1025),
    normalization=Normalization(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    published=Published(checkpoint="xception_41_2018_05_09 (ImageNet)"),
    sizes="any size, best a multiple of 16 plus 1",
)

CARD_65 = Card(
    name="deeplab_xception65",
    title="DeepLabv3+ with Xception-65",
    paper="https://arxiv.org/abs/1802.02611",
    year=2018,
    framework="keras",
    size=Size(513, 1025),
    normalization=Normalization(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    published=Published(
        madds_billions=418.64,
        miou_percent=78.79,
        size=Size(1025, 2049),
        checkpoint="deeplabv3_cityscapes_train_2018_02_06",
        checkpoint_mb=439,
    ),
    sizes="any size, best a multiple of 16 plus 1",
)

CARD_71 = Card(
    name="deeplab_xception71",
    title="DeepLabv3+ with Xception-71",
    paper="https://arxiv.org/abs/1802.02611",
    year=2018,
    framework="keras",
    size=Size(513, 1025),
    normalization=Normalization(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    published=Published(checkpoint="xception_71_2018_05_09 (ImageNet)"),
    sizes="any size, best a multiple of 16 plus 1",
)

CARD_71_DPC = Card(
    name="deeplab_xception71_dpc",
    title="DeepLabv3+ with Xception-71 and the dense prediction cell",
    paper="https://arxiv.org/abs/1809.04184",
    year=2018,
    framework="keras",
    size=Size(513, 1025),
    normalization=Normalization(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    published=Published(
        madds_billions=502.07,
        miou_percent=80.31,
        size=Size(1025, 2049),
        checkpoint="deeplab_cityscapes_xception71_trainfine_2018_09_08",
        checkpoint_mb=445,
    ),
    sizes="any size, best a multiple of 16 plus 1",
)


def deeplab_xception41(classes: int = 19, size: Size = CARD_41.size, output_stride: int = 16) -> keras.Model:
    """(N, H, W, 3) -> logits (N, H, W, classes)."""
    return _deeplab(CARD_41.name, classes, size, output_stride, depth=41)


def deeplab_xception65(classes: int = 19, size: Size = CARD_65.size, output_stride: int = 16) -> keras.Model:
    """(N, H, W, 3) -> logits (N, H, W, classes)."""
    return _deeplab(CARD_65.name, classes, size, output_stride, depth=65)


def deeplab_xception71(classes: int = 19, size: Size = CARD_71.size, output_stride: int = 16) -> keras.Model:
    """(N, H, W, 3) -> logits (N, H, W, classes)."""
    return _deeplab(CARD_71.name, classes, size, output_stride, depth=71)


def deeplab_xception71_dpc(
    classes: int = 19, size: Size = CARD_71_DPC.size, output_stride: int = 16, cell: str | Path | None = None
) -> keras.Model:
    """(N, H, W, 3) -> logits (N, H, W, classes). `cell` is a JSON description of another cell, see `read_cell`."""
    branches = read_cell(cell)
    image = layers.Input((size.height, size.width, 3), name="image")
    features, low = xception(image, 71, output_stride)
    context = dense_prediction_cell(features, branches, output_stride)
    return segmenter(CARD_71_DPC.name, image, decoder(context, low), classes)


def _deeplab(name: str, classes: int, size: Size, output_stride: int, depth: Depth) -> keras.Model:
    image = layers.Input((size.height, size.width, 3), name="image")
    features, low = xception(image, depth, output_stride)
    return segmenter(name, image, decoder(aspp(features, output_stride), low), classes)
