"""The nouns that travel from room to room: Card, Model, Artifact and what they are made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from edgeseg.core.errors import InputError
from edgeseg.core.parts import parts, sha256_of

__all__ = [
    "BYTES",
    "SCHEMA",
    "Artifact",
    "Card",
    "ChannelOrder",
    "Facts",
    "Format",
    "Framework",
    "HeadKind",
    "InputFacts",
    "Layout",
    "Model",
    "Normalization",
    "OutputFacts",
    "Parity",
    "Precision",
    "Published",
    "SeenImages",
    "Size",
]

SCHEMA = 1
"""Version of the JSON that Facts and Records are stored as."""

Framework: TypeAlias = Literal["torch", "keras"]
Format: TypeAlias = Literal["onnx", "tflite", "torch", "keras"]
Precision: TypeAlias = Literal["fp32", "fp16", "int8-dynamic", "int16x8", "int8"]
HeadKind: TypeAlias = Literal["logits", "scores", "classmap"]
Layout: TypeAlias = Literal["NCHW", "NHWC"]
ChannelOrder: TypeAlias = Literal["RGB", "BGR"]


@dataclass(frozen=True)
class Size:
    """Height and width of an image in pixels."""

    height: int
    width: int

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise InputError(f"size {self.height}x{self.width}: both sides must be at least 1 pixel")

    def __str__(self) -> str:
        return f"{self.height}x{self.width}"

    @classmethod
    def parse(cls, text: str) -> Size:
        """Read `HxW`, height first."""
        match = re.fullmatch(r"(\d+)[xX](\d+)", text.strip())
        if match is None:
            raise InputError(f"size {text!r}: expected HEIGHTxWIDTH, for example 512x1024")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, given: Size | str | None) -> Size | None:
        """What a caller may give as a size, as one; None stays None."""
        return None if given is None else cls.parse(str(given))


_WIDEST = 4
"""What a mean or std of pixels from 0 to 1 is never beyond, and one of pixels from 0 to 255 nearly always."""


@dataclass(frozen=True)
class Normalization:
    """What a network expects of its pixels: (rgb / 255 - mean) / std, then its channels in the given order.

    `mean` and `std` are per channel of RGB whatever the order.
    """

    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    order: ChannelOrder = "RGB"

    def __post_init__(self) -> None:
        if not all(abs(value) <= _WIDEST for value in self.mean):
            raise InputError(f"mean {_numbers(self.mean)}: expected that of RGB / 255, for example 0.485,0.456,0.406")
        if not all(0 < value <= _WIDEST for value in self.std):
            raise InputError(f"std {_numbers(self.std)}: expected that of RGB / 255, for example 0.229,0.224,0.225")


def _numbers(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:g}" for value in values)


BYTES = Normalization((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255))
"""Of a file that takes RGB bytes as they are."""


@dataclass(frozen=True)
class Published:
    """Figures that a paper or repository printed; None where none was printed."""

    params_millions: float | None = None
    madds_billions: float | None = None
    miou_percent: float | None = None
    dataset: str = "Cityscapes val"
    size: Size | None = None
    checkpoint: str | None = None
    checkpoint_mb: float | None = None

    @property
    def cityscapes_miou_percent(self) -> float | None:
        """On Cityscapes val, so that networks can be compared by it."""
        return self.miou_percent if self.dataset == "Cityscapes val" else None


@dataclass(frozen=True)
class Card:
    """What a network declares about itself. Read from its file without importing it."""

    name: str
    title: str
    paper: str
    year: int
    framework: Framework
    classes: int = 19
    size: Size = Size(512, 1024)
    normalization: Normalization = Normalization()
    published: Published = Published()
    sizes: str = "any size from 32x32"
    deviation: str = ""
    weights: str | None = None
    weights_command: str | None = None


@dataclass(frozen=True)
class Model:
    """A network in its framework, with what is needed to feed and to read it.

    It may be the `float32_copy`, with the same weights, of one that computes in half floats.
    """

    name: str
    framework: Framework
    network: Any
    classes: tuple[str, ...]
    normalization: Normalization = Normalization()
    size: Size = Size(512, 1024)
    params: int | None = None
    weights_sha256: str | None = None
    card: Card | None = None
    float32_copy: bool = False


@dataclass(frozen=True)
class InputFacts:
    """The one input of a file.

    A float `dtype` takes normalized pixels. An integer one takes raw ones in the normalization's channel order; or,
    with a `scale`, normalized pixels as integers: round(pixel / scale) + zero_point, clipped to the type.
    """

    size: Size
    batch: int = 1
    layout: Layout = "NCHW"
    dtype: str = "float32"
    normalization: Normalization = Normalization()
    scale: float | None = None
    zero_point: int = 0

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of a batch in the declared layout."""
        n, h, w = self.batch, self.size.height, self.size.width
        return (n, 3, h, w) if self.layout == "NCHW" else (n, h, w, 3)


@dataclass(frozen=True)
class OutputFacts:
    """The one output of a file.

    `logits`: scores at the input's size, float unless a quantized file was asked for integers. `scores`: scores at
    `size`, to be upsampled bilinearly (with `align_corners` or without) where that is not the input's size; integers in
    a quantized file. `classmap`: class indices at the input's size.
    """

    head: HeadKind
    size: Size
    layout: Layout = "NCHW"
    dtype: str = "float32"
    align_corners: bool = False


@dataclass(frozen=True)
class Parity:
    """How far an exported file is from its source on real images.

    `max_error` is max |difference| over the spread (max - min) of what the source gives; `agreement_percent` is the
    share of pixels with equal arg-max among those whose two best scores differ by more than the tolerance.
    `other_maxima` counts the maxima to be unpooled to that the file takes from another pixel of their cell than the
    source does; it is compared with the source taking the same. Where there are any, each is a tie: `tie_error` is how
    far the farthest lies below its cell's maximum in the source, over the spread of what is pooled.
    """

    max_error: float
    agreement_percent: float
    images: int
    other_maxima: int = 0
    tie_error: float = 0.0


@dataclass(frozen=True)
class SeenImages:
    """The images that a quantized file's ranges come from."""

    count: int
    dataset: str

    def __str__(self) -> str:
        return f"{self.count} image{'s' * (self.count != 1)} of {self.dataset}"

    @classmethod
    def parse(cls, text: str) -> SeenImages:
        """Read what `str` gave; raise ValueError for another text."""
        if not (found := re.fullmatch(r"(\d+) images? of (.+)", text, re.DOTALL)):
            raise ValueError(f"{text!r}: expected '64 images of NAME'")
        return cls(int(found[1]), found[2])


@dataclass(frozen=True)
class Facts:
    """What an artifact says about itself; stored inside the file."""

    model: str
    format: Format
    precision: Precision
    input: InputFacts
    output: OutputFacts
    classes: tuple[str, ...]
    framework: Framework | None = None
    params: int | None = None
    madds: int | None = None
    weights_sha256: str | None = None
    parent_sha256: str | None = None
    recipe: str | None = None
    target: str | None = None
    """What a quantized file was made for, by its name in `edgeseg.quantize.targets`."""
    calibration: SeenImages | None = None
    parity: Parity | None = None
    tools: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "calibration": None if self.calibration is None else str(self.calibration)}


@dataclass(frozen=True)
class Artifact:
    """One finished file and what is known about it."""

    path: Path
    facts: Facts
    written_sha256: str | None = field(default=None, compare=False, repr=False)
    """Of the file when it was handed out; None where nobody asked."""

    def sealed(self) -> Artifact:
        """The same, which from now on can be told from a file that replaces it."""
        return replace(self, written_sha256=self.sha256)

    @property
    def sha256(self) -> str:
        """Of the whole file, with its external data, in hexadecimal."""
        return sha256_of(parts(self.path))

    @property
    def size_bytes(self) -> int:
        """Of the whole file, with its external data."""
        return sum(part.stat().st_size for part in parts(self.path))
