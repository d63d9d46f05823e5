"""DeepLab's head in Keras, as published in tensorflow/models. Layer names are TF-Slim's scopes.

The parts stand for themselves, so that a pyramid of other branches can be put between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from edgeseg.models.blocks.keras_conv import Norm, conv_bn
from edgeseg.models.blocks.keras_resize import ResizeBilinear

__all__ = ["HEAD_NORM", "image_level_head", "image_pooling", "project", "segmenter"]

HEAD_NORM = Norm(epsilon=1e-5, momentum=0.9997)


def image_level_head(x: Any, filters: int = 256) -> Any:
    """(N, H, W, C) -> (N, H, W, filters): image pooling beside one 1x1 convolution, of `filters` channels each."""
    branches = [image_pooling(x, filters), conv_bn(x, filters, "aspp0", HEAD_NORM, act=layers.ReLU)]
    return project(branches, filters)


def image_pooling(x: Any, filters: int = 256) -> Any:
    """(N, H, W, C) -> (N, H, W, filters), the same everywhere: the mean over the image through a 1x1 convolution."""
    pooled = layers.GlobalAveragePooling2D(keepdims=True, name="global_mean")(x)
    pooled = conv_bn(pooled, filters, "image_pooling", HEAD_NORM, act=layers.ReLU)
    return ResizeBilinear(x.shape[1:3], name="image_pooling.resize")(pooled)


def project(branches: Sequence[Any], filters: int = 256) -> Any:
    """Branches of (N, H, W, any) -> (N, H, W, filters), with dropout in training."""
    x = layers.Concatenate(name="concat")(branches)
    x = conv_bn(x, filters, "concat_projection", HEAD_NORM, act=layers.ReLU)
    return layers.Dropout(0.1, name="dropout")(x)


def segmenter(name: str, image: Any, features: Any, classes: int) -> keras.Model:
    """The network from `image` (N, H, W, 3) through `features` (N, h, w, C) to logits (N, H, W, classes)."""
    scores = layers.Conv2D(classes, 1, name="logits.semantic")(features)
    return keras.Model(image, ResizeBilinear(image.shape[1:3], name="upsample")(scores), name=name)
