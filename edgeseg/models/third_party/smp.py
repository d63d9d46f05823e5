"""Decoders and encoders of segmentation-models-pytorch, https://github.com/qubvel-org/segmentation_models.pytorch."""

from __future__ import annotations

import timm
from segmentation_models_pytorch import MODEL_ARCHITECTURES_MAPPING, create_model
from segmentation_models_pytorch.encoders import get_encoder_names
from torch import nn

from edgeseg.core import registry
from edgeseg.core.errors import InputError
from edgeseg.core.types import Size

__all__ = ["EXAMPLE", "build"]

EXAMPLE = "smp:unet:resnet18"
_OF_TIMM = "tu-"
"""Prefix of the encoders that smp takes from timm."""


def build(name: str, classes: int, size: Size) -> nn.Module:
    """`DECODER:ENCODER`, with smp's defaults: (N, 3, H, W) -> (N, classes, H, W). `size` does not matter."""
    decoder, _, encoder = name.partition(":")
    if not encoder:
        raise InputError(f"smp:{name}: give smp:DECODER:ENCODER, for example {EXAMPLE}")
    if decoder.lower() not in MODEL_ARCHITECTURES_MAPPING:
        raise registry.suggest("decoder of smp", decoder, list(MODEL_ARCHITECTURES_MAPPING))
    known, of_timm = encoder in get_encoder_names(), encoder.startswith(_OF_TIMM)
    if not known and not (of_timm and timm.is_model(encoder.removeprefix(_OF_TIMM))):
        candidates = [_OF_TIMM + model for model in timm.list_models()] if of_timm else get_encoder_names()
        raise registry.suggest("encoder of smp", encoder, candidates)
    network: nn.Module = create_model(decoder, encoder, encoder_weights=None, classes=classes)
    return network
