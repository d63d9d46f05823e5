"""Small random PyTorch networks of what segmentation networks are made of; all follows from the seed.

A network grows step by step with images running through it: so each step is known to fit the map that it is given, and
batch normalisation gets the statistics of what it really sees. Weights are He's.

Not every network can be held in 8 bits: one that normalises away a mean a hundred times as large as what is left, or
stretches a channel that is almost always zero, has its rounding errors stretched too. So the images run through once
more with each map rounded to 256 levels over its range in calibration, as the simplest quantizer would, and a step is
drawn anew where that alone leaves less than LEAST_DB. This asks nothing of edgeseg.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from math import inf, log10
from random import Random

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgeseg.core.types import HeadKind, InputFacts, Size
from edgeseg.data.preprocess import Preprocessor
from fuzzing.images import COUNT, scenes

__all__ = ["Case", "Network", "draw_case"]

STEPS = (3, 12)
SIDES = (17, 72)
"""Of an image, in pixels, odd and even."""
CLASSES = (2, 30)
CHANNELS = (8, 12, 16, 24)
MOST_CHANNELS = 64
LEAST_SIDE, LARGEST_SIDE = 2, 96
LEAST_DB = 26.0
"""Signal to noise of each map when every map is rounded to 256 levels; weights, biases and clipping come on top."""
TRIES = 20
"""Of a step, before the network is drawn anew."""


@dataclass(frozen=True)
class Case:
    """A network and how it is to be exported."""

    seed: int
    network: nn.Module
    size: Size
    classes: int
    head: HeadKind | None


class Network(nn.Module):
    """Steps in order; each reads earlier maps, of which number 0 is the image."""

    def __init__(self, steps: list[nn.Module], reads: list[tuple[int, ...]]) -> None:
        super().__init__()
        self.steps, self.reads = nn.ModuleList(steps), reads

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, classes, H, W)."""
        maps = [image]
        for step, reads in zip(self.steps, self.reads, strict=True):
            maps.append(step(*(maps[i] for i in reads)))
        return maps[-1]


class Concat(nn.Module):
    """Maps of one size beside each other."""

    def forward(self, *maps: Tensor) -> Tensor:
        """Any number of (N, C, H, W) -> (N, sum of C, H, W)."""
        return torch.cat(maps, 1)


class Add(nn.Module):
    """The sum of two maps of one shape."""

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        """Twice (N, C, H, W) -> (N, C, H, W)."""
        return one + other


class Gate(nn.Module):
    """A factor between 0 and 1 for every channel, from the mean of the map."""

    def __init__(self, channels: int, activation: nn.Module) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1), activation)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        scaled: Tensor = x * self.gate(x)
        return scaled


class Resize(nn.Module):
    """To a size, bilinearly with or without aligned corners, or to the nearest pixel where that is None."""

    def __init__(self, size: tuple[int, int], align_corners: bool | None) -> None:
        super().__init__()
        self.size, self.align_corners = size, align_corners

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, *size)."""
        mode = "nearest" if self.align_corners is None else "bilinear"
        return F.interpolate(x, self.size, mode=mode, align_corners=self.align_corners)


class Pad(nn.Module):
    """Margins (left, right, above, below) of zeros, or of what lies inside, mirrored or repeated."""

    def __init__(self, margins: tuple[int, ...], mode: str) -> None:
        super().__init__()
        self.margins, self.mode = margins, mode

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, above + H + below, left + W + right)."""
        return F.pad(x, self.margins, self.mode)


class _Growth:
    """A network that grows, and its maps of a few images."""

    def __init__(self, draw: Random, images: Tensor) -> None:
        self.draw, self.maps = draw, [images]
        self.computed, self.rounded = [images], [_rounded(images)]
        self.steps: list[nn.Module] = []
        self.reads: list[tuple[int, ...]] = []

    @property
    def last(self) -> Tensor:
        return self.maps[-1]

    @property
    def channels(self) -> int:
        return int(self.last.shape[1])

    @property
    def sides(self) -> tuple[int, int]:
        return self.last.shape[2], self.last.shape[3]

    @property
    def _last_step(self) -> nn.Module | None:
        return self.steps[-1] if self.steps else None

    def add(self, step: nn.Module, *reads: int) -> bool:
        """Append a step over the last map or the given ones, if its result is one to go on from."""
        reads = reads or (len(self.maps) - 1,)
        given = [self.maps[i] for i in reads]
        _initialize(self.draw, step, given[0])
        step.eval()
        folds = isinstance(step, nn.BatchNorm2d | nn.ReLU | nn.ReLU6) and isinstance(self._last_step, _FOLDED_INTO)
        held = [(self.computed if folds else self.rounded)[i] for i in reads]
        try:
            with torch.no_grad():
                result, computed = step(*given), step(*held)
        except RuntimeError:  # A kernel or a margin larger than the map.
            return False
        sides = result.shape[2:]
        if result.shape[1] > MOST_CHANNELS or min(sides) < LEAST_SIDE or max(sides) > LARGEST_SIDE:
            return False
        rounded = _rounded(computed)
        if not _db(result, rounded) > LEAST_DB:
            return False
        self.computed.append(computed)
        self.rounded.append(rounded)
        self.steps.append(step)
        self.reads.append(reads)
        self.maps.append(result)
        return True


_FOLDED_INTO = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)
"""What takes a batch normalisation or a rectification behind it in, so that nothing is rounded between."""


def _rounded(values: Tensor) -> Tensor:
    seen = values[: COUNT["train"]]
    low, high = min(float(seen.min()), 0.0), max(float(seen.max()), 0.0)
    step = (high - low) / 255 or 1.0
    return (values.clamp(low, high) / step).round() * step


def _db(values: Tensor, others: Tensor) -> float:
    noise = float((values - others)[COUNT["train"] :].square().sum())
    signal = float(values[COUNT["train"] :].square().sum())
    return 10 * log10(signal / noise) if signal and noise else inf if signal else -inf


def draw_case(seed: int) -> Case:
    """The case of a seed."""
    draw = Random(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        while (case := _drawn(draw, seed)) is None:
            pass
    return case


def _drawn(draw: Random, seed: int) -> Case | None:
    """A case; None where it came to a map that nothing fits."""
    size = Size(draw.randint(*SIDES), draw.randint(*SIDES))
    growth = _Growth(draw, _images(size))
    for _ in range(draw.randint(*STEPS)):
        if not any(draw.choice(_STEPS)(growth) for _ in range(TRIES)):
            return None
        if draw.random() < 0.5:
            growth.add(nn.BatchNorm2d(growth.channels))
        if draw.random() < 0.6:
            growth.add(_activation(draw, growth.channels))
    classes = draw.randint(*CLASSES)
    if not any(_finish(growth, size, classes) for _ in range(TRIES)):
        return None
    head: HeadKind | None = draw.choice((None, None, "logits"))
    return Case(seed, Network(growth.steps, growth.reads).eval(), size, classes, head)


def _images(size: Size) -> Tensor:
    prepare = Preprocessor(InputFacts(size))
    samples = chain(scenes("train", size), scenes("val", size))
    return torch.cat([torch.from_numpy(prepare(image)) for image, _ in samples])


def _finish(growth: _Growth, size: Size, classes: int) -> bool:
    """Classes at the image's size: upsampled scores, or scores of an upsampled map."""
    draw, whole = growth.draw, (size.height, size.width)
    classify = nn.Conv2d(growth.channels, classes, draw.choice((1, 1, 3)), padding="same", bias=draw.random() < 0.8)
    upsample = Resize(whole, draw.choice((False, True)))
    if growth.sides == whole:
        return growth.add(classify)
    if draw.random() < 0.7:
        return growth.add(classify) and growth.add(upsample)
    return growth.add(upsample) and growth.add(classify)


def _initialize(draw: Random, step: nn.Module, given: Tensor) -> None:
    for module in step.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            inputs = module.in_channels // module.groups * module.kernel_size[0] * module.kernel_size[1]
            if isinstance(module, nn.ConvTranspose2d):
                inputs /= module.stride[0] * module.stride[1]
            nn.init.normal_(module.weight, std=(2 / max(inputs, 1)) ** 0.5)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.1)
        elif isinstance(module, nn.BatchNorm2d):
            module.running_mean = given.mean((0, 2, 3))
            module.running_var = given.var((0, 2, 3))
            nn.init.uniform_(module.weight, 0.3, 2)
            nn.init.normal_(module.bias, std=0.3)
            if draw.random() < 0.2:
                module.weight.data[::5] *= -1
        elif isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, 0.05, 0.4)


def _activation(draw: Random, channels: int) -> nn.Module:
    make: Callable[[], nn.Module] = draw.choice(
        (
            nn.ReLU,
            nn.ReLU,
            nn.ReLU6,
            nn.PReLU,
            lambda: nn.PReLU(channels),
            lambda: nn.LeakyReLU(draw.uniform(0.01, 0.3)),
            lambda: nn.ELU(draw.choice((1.0, 0.5))),
            nn.Hardswish,
            nn.Sigmoid,
            nn.SiLU,
        )
    )
    return make()


def _convolution(growth: _Growth) -> bool:
    draw, channels = growth.draw, growth.channels
    kernel = draw.choice(((1, 1), (3, 3), (3, 3), (5, 5), (1, 3), (3, 1), (5, 1), (2, 2)))
    dilation = draw.choice((1, 1, 1, 2, 3))
    padding = [dilation * (side - 1) // 2 if draw.random() < 0.9 else 0 for side in kernel]
    outputs = draw.choice(CHANNELS)
    groups = draw.choice([n for n in (1, 1, 1, 2, 4) if channels % n == 0 and outputs % n == 0])
    stride = draw.choice((1, 1, 2, 2, (1, 2), 3))
    bias = draw.random() < 0.6
    return growth.add(nn.Conv2d(channels, outputs, kernel, stride, padding, dilation, groups, bias))


def _depthwise(growth: _Growth) -> bool:
    draw, channels = growth.draw, growth.channels
    kernel, dilation = draw.choice((3, 3, 5)), draw.choice((1, 1, 2))
    outputs = channels * draw.choice((1, 1, 2))
    padding = dilation * (kernel - 1) // 2
    stride = draw.choice((1, 1, 2))
    return growth.add(nn.Conv2d(channels, outputs, kernel, stride, padding, dilation, channels, draw.random() < 0.5))


def _transposed(growth: _Growth) -> bool:
    draw, channels = growth.draw, growth.channels
    kernel, padding, more = draw.choice(((2, 0, 0), (3, 1, 1), (3, 1, 0), (3, 0, 0), (4, 1, 0)))
    outputs = draw.choice(CHANNELS)
    groups = draw.choice([n for n in (1, 1, 1, 2, channels) if channels % n == 0 and outputs % n == 0])
    return growth.add(nn.ConvTranspose2d(channels, outputs, kernel, 2, padding, more, groups, draw.random() < 0.6))


def _join(growth: _Growth) -> bool:
    """The sum or the concatenation with an earlier map, brought to its size and number of channels where needed."""
    draw = growth.draw
    other = draw.randrange(1, len(growth.maps)) if len(growth.maps) > 1 else 0
    sides, channels = tuple(growth.maps[other].shape[2:]), growth.maps[other].shape[1]
    if growth.sides != sides and not growth.add(Resize(sides, draw.choice((False, True, None)))):
        return False
    if draw.random() < 0.5:
        return growth.add(Concat(), len(growth.maps) - 1, other)
    if growth.channels != channels and not growth.add(nn.Conv2d(growth.channels, channels, 1)):
        return False
    return growth.add(Add(), len(growth.maps) - 1, other)


def _gate(growth: _Growth) -> bool:
    return growth.add(Gate(growth.channels, growth.draw.choice((nn.Sigmoid, nn.Hardsigmoid))()))


def _resize(growth: _Growth) -> bool:
    draw, (height, width) = growth.draw, growth.sides
    factor = draw.choice((2.0, 2.0, 0.5, 1.5))
    sides = round(height * factor) + draw.choice((0, 0, 1)), round(width * factor)
    return growth.add(Resize(sides, draw.choice((False, True, None))))


def _pool(growth: _Growth) -> bool:
    draw = growth.draw
    kernel = draw.choice((2, 3, 3))
    stride, padding = draw.choice((1, 2, 2)), draw.choice((0, kernel // 2))
    rounding = draw.random() < 0.2
    if draw.random() < 0.5:
        return growth.add(nn.MaxPool2d(kernel, stride, padding, ceil_mode=rounding))
    return growth.add(nn.AvgPool2d(kernel, stride, padding, rounding, draw.random() < 0.5))


def _pyramid(growth: _Growth) -> bool:
    """Adaptive pooling, and back to the map's size."""
    draw, sides = growth.draw, growth.sides
    grid = draw.choice((1, 2, 3, 4, (1, 3)))
    pool = nn.AdaptiveAvgPool2d(grid) if draw.random() < 0.7 else nn.AdaptiveMaxPool2d(grid)
    back = Resize(sides, draw.choice((False, True, None)))
    return growth.add(nn.Sequential(pool, nn.Conv2d(growth.channels, draw.choice(CHANNELS), 1), back))


def _shuffle(growth: _Growth) -> bool:
    groups = [n for n in (2, 3, 4) if growth.channels % n == 0]
    return bool(groups) and growth.add(nn.ChannelShuffle(growth.draw.choice(groups)))


def _pad(growth: _Growth) -> bool:
    draw = growth.draw
    margins = tuple(draw.choice((0, 1, 1, 2)) for _ in range(4))
    return growth.add(Pad(margins, draw.choice(("constant", "constant", "reflect", "replicate"))))


def _lone_activation(growth: _Growth) -> bool:
    return growth.add(_activation(growth.draw, growth.channels))


_STEPS = (
    *[_convolution] * 5,
    *[_depthwise] * 2,
    *[_transposed] * 2,
    *[_join] * 4,
    _gate,
    *[_resize] * 2,
    *[_pool] * 2,
    _pyramid,
    _shuffle,
    _pad,
    _lone_activation,
)
