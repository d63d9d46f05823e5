"""Backbones of timm, https://github.com/huggingface/pytorch-image-models, under a small segmentation head of ours.

timm has classifiers only, so `timm:NAME` is NAME's feature maps and the top-down half of a feature pyramid network:
Lin et al., Feature Pyramid Networks for Object Detection, CVPR 2017, https://arxiv.org/abs/1612.03144; here with 128
channels, up to stride 8 and bilinear, and one 3x3 convolution before the class scores.
"""

from __future__ import annotations

from typing import Any

import timm
from torch import Tensor, nn

from edgeseg.core import registry
from edgeseg.core.types import Size
from edgeseg.models.blocks.conv import conv_bn
from edgeseg.models.blocks.resize import resize

__all__ = ["EXAMPLE", "TimmSegmenter", "build"]

EXAMPLE = "timm:mobilenetv3_large_100"
_FINEST = 8


class TimmSegmenter(nn.Module):
    """(N, 3, H, W) -> (N, classes, H, W): a backbone's maps, added from coarse to fine, scored and upsampled."""

    def __init__(self, backbone: Any, classes: int, width: int = 128) -> None:
        super().__init__()
        self.backbone = backbone
        self.levels = _levels(backbone.feature_info.reduction())
        self.channels_last = getattr(backbone, "output_fmt", None) == "NHWC"
        channels = [backbone.feature_info.channels()[level] for level in self.levels]
        self.laterals = nn.ModuleList(conv_bn(inputs, width, 1, act=None) for inputs in channels)
        self.smooth = conv_bn(width, width)
        self.scores = nn.Conv2d(width, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        features = self.backbone(image)
        maps = [lateral(self._map(features[level])) for level, lateral in zip(self.levels, self.laterals, strict=True)]
        x = maps.pop()
        while maps:
            finer = maps.pop()
            x = finer + resize(x, finer, align_corners=False)
        return resize(self.scores(self.smooth(x)), image, align_corners=False)

    def _map(self, feature: Tensor) -> Tensor:
        return feature.permute(0, 3, 1, 2) if self.channels_last else feature


def build(name: str, classes: int, size: Size) -> nn.Module:
    """The backbone NAME and the head. Backbones that are built for one input size are built for `size`."""
    if not timm.is_model(name):
        raise registry.suggest("model of timm", name, timm.list_models())
    return TimmSegmenter(_backbone(name, size), classes)


def _backbone(name: str, size: Size) -> Any:
    about = timm.get_pretrained_cfg(name)
    if about is not None and about.fixed_input_size:
        try:
            return timm.create_model(name, features_only=True, img_size=(size.height, size.width))
        except TypeError:
            pass  # It has no such option, and its own size for good.
    return timm.create_model(name, features_only=True)


def _levels(strides: list[int]) -> list[int]:
    """Which maps to add, fine to coarse: the last of each stride, without those that cost most."""
    last = {stride: level for level, stride in enumerate(strides)}
    chosen = [level for stride, level in sorted(last.items()) if stride >= _FINEST]
    return chosen or [len(strides) - 1]
