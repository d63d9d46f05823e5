"""Gates of squeeze and excitation, over the channels, over the pixels, or over both."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["SCSE", "SE"]


class SE(nn.Module):
    """(N, C, H, W) -> the same, each channel weighed by a gate made of all channels' means.

    Source: Hu et al., Squeeze-and-Excitation Networks, https://arxiv.org/abs/1709.01507, with a leaky ReLU.
    """

    def __init__(self, channels: int, ratio: int = 16, slope: float = 0.1) -> None:
        super().__init__()
        self.fcs = _gate(channels, max(1, channels // ratio), nn.LeakyReLU(slope))

    def forward(self, x: Tensor) -> Tensor:
        return x * _of_means(self.fcs, x)


class SCSE(nn.Module):
    """(N, C, H, W) -> the same, weighed by a gate per channel plus a gate per pixel, or with `product` times it.

    Source: Roy et al., Concurrent Spatial and Channel Squeeze & Excitation, https://arxiv.org/abs/1803.02579.
    """

    def __init__(self, channels: int, ratio: int = 16, *, product: bool = False) -> None:
        super().__init__()
        self.channel_excitation = _gate(channels, channels // ratio, nn.ReLU())
        self.spatial_se = nn.Sequential(nn.Conv2d(channels, 1, 1, bias=False), nn.Sigmoid())
        self.product = product

    def forward(self, x: Tensor) -> Tensor:
        channel, spatial = _of_means(self.channel_excitation, x), self.spatial_se(x)
        return x * channel * spatial if self.product else x * (channel + spatial)


def _gate(channels: int, hidden: int, act: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(channels, hidden), act, nn.Linear(hidden, channels), nn.Sigmoid())


def _of_means(gate: nn.Sequential, x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, 1, 1)."""
    means = x.mean((2, 3), keepdim=True)  # ONNX Runtime has in int8 only the mean that keeps the dimensions.
    return gate(means.flatten(1))[:, :, None, None]
