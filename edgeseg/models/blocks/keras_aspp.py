"""Context and detail of DeepLabv3+, https://arxiv.org/abs/1802.02611: the atrous pyramid and the decoder, in Keras.

Layer names are TF-Slim's scopes.
"""

from __future__ import annotations

from typing import Any

from keras import layers

from edgeseg.models.blocks.keras_conv import conv_bn, separable_bn
from edgeseg.models.blocks.keras_deeplab import HEAD_NORM, image_pooling, project
from edgeseg.models.blocks.keras_resize import ResizeBilinear

__all__ = ["aspp", "decoder"]

_RATES = (6, 12, 18)
"""At output stride 16."""


def aspp(x: Any, output_stride: int, filters: int = 256) -> Any:
    """(N, H, W, C) -> (N, H, W, filters): atrous spatial pyramid pooling with separable convolutions.

    It sees as far at one output stride of the features as at another.
    """
    branches = [image_pooling(x, filters), conv_bn(x, filters, "aspp0", HEAD_NORM, act=layers.ReLU)]
    for i, rate in enumerate(_RATES, 1):
        scaled = rate * 16 // output_stride
        branches.append(separable_bn(x, filters, f"aspp{i}", HEAD_NORM, rate=scaled, act=layers.ReLU))
    return project(branches, filters)


def decoder(x: Any, low: Any, filters: int = 256) -> Any:
    """Refine features by those of an earlier layer: (N, h, w, C), (N, H, W, any) -> (N, H, W, filters)."""
    detail = conv_bn(low, 48, "decoder.feature_projection0", HEAD_NORM, act=layers.ReLU)
    x = ResizeBilinear(low.shape[1:3], name="decoder.resize")(x)
    x = layers.Concatenate(name="decoder.concat")([x, detail])
    for i in range(2):
        x = separable_bn(x, filters, f"decoder.decoder_conv{i}", HEAD_NORM, act=layers.ReLU)
    return x
