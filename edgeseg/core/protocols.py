"""The contracts between the rooms. Each has one verb; capabilities are declared as data in the file that has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from edgeseg.core.types import Artifact, Facts, Format, Framework, HeadKind, Model, Size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Calibration",
    "Dataset",
    "DatasetDeclaration",
    "DatasetOptions",
    "ExportSpec",
    "Exporter",
    "ExporterDeclaration",
    "Observe",
    "Progress",
    "Quantizer",
    "QuantizerDeclaration",
    "Recipe",
    "Runtime",
    "RuntimeDeclaration",
    "Session",
]

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told (what, done, total) as long work goes on."""


class Session(Protocol):
    """A network opened on a runtime. The verb is the call; the others are views of the same run.

    A context manager that closes itself.
    """

    facts: Facts

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Run a batch in the declared layout and dtype; the output comes as the runtime gives it."""

    def __call__(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Run a batch in the declared layout and dtype; integer scores come back as real numbers."""

    def classmap(self, batch: NDArray[Any]) -> NDArray[np.uint8]:
        """Run a batch and finish it: (N, H, W) class indices at the input's size, whatever the head."""

    def tensors(self, batch: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
        """Every tensor of the graph, in execution order; the session must have been opened with `tensors`."""

    def close(self) -> None:
        """Free the runtime's memory."""


@dataclass(frozen=True)
class RuntimeDeclaration:
    """Read from a runtime's file without importing it."""

    format: Format
    package: str
    extra: str
    devices: tuple[str, ...] = ("cpu",)
    default: bool = False
    """Whether it runs its format where the user names no runtime."""


class Runtime(Protocol):
    """A module of `edgeseg.runtimes`: DECLARATION and this function, named `open_session`."""

    def __call__(self, source: Artifact | Model, threads: int, *, device: str, tensors: bool) -> Session: ...


@dataclass(frozen=True)
class ExportSpec:
    """What is asked of an exporter."""

    size: Size
    batch: int = 1
    head: HeadKind | None = None
    """None: `scores` where the network ends in a bilinear upsample, else `logits`."""


@dataclass(frozen=True)
class ExporterDeclaration:
    """Read from an exporter's file without importing it."""

    source: Framework
    format: Format
    package: str
    extra: str


class Exporter(Protocol):
    """A module of `edgeseg.exporters`: DECLARATION and this function, named `export`."""

    def __call__(self, model: Model, spec: ExportSpec, path: Path) -> Artifact: ...


@dataclass(frozen=True)
class Recipe:
    """How a file is quantized to int8."""

    name: str = "default"
    method: str = "percentile"
    """Of the activation ranges: `minmax`, `moving-average`, `percentile`, `mse` or `entropy`."""
    percentile: float = 99.99
    per_channel: bool = True
    activation: str = "auto"
    """Integer type of activations: `int8`, `uint8`, or `auto` for what the format's CPU kernels are fast in."""
    without: tuple[str, ...] = ()
    """Passes of `edgeseg.quantize.passes.PASSES` to leave out."""


class Observe(Protocol):
    """Runs a float file on prepared batches, yielding one iterator over all its tensors a batch."""

    def __call__(
        self, artifact: Artifact, batches: Iterable[NDArray[Any]]
    ) -> Iterator[Iterator[tuple[str, NDArray[Any]]]]: ...


@dataclass(frozen=True)
class Calibration:
    """Prepared batches to take ranges from, and the means to look inside a file while they run.

    `batches` can be gone through more than once.
    """

    batches: Iterable[NDArray[Any]]
    count: int
    source: str
    observe: Observe
    progress: Progress


@dataclass(frozen=True)
class QuantizerDeclaration:
    """Read from a quantizer's file without importing it."""

    format: Format
    package: str
    extra: str


class Quantizer(Protocol):
    """A module of `edgeseg.quantize`: DECLARATION and this function, named `quantize`."""

    def __call__(self, artifact: Artifact, recipe: Recipe, samples: Calibration, path: Path) -> Artifact: ...


@dataclass(frozen=True)
class DatasetOptions:
    """What a dataset is opened with. `split` and `size` of None mean the dataset's own."""

    path: Path | None = None
    split: str | None = None
    size: Size | None = None
    limit: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class DatasetDeclaration:
    """Read from a dataset's file without importing it."""

    name: str
    summary: str
    splits: tuple[str, ...]
    """The first is what accuracy is measured on."""
    calibration_split: str
    extra: str | None = None
    package: str | None = None


class Dataset(Protocol):
    """Images (H, W, 3) uint8 RGB with labels (H, W) uint8 of train ids, 255 where ignored.

    A module of `edgeseg.data` has DECLARATION and a function `open_dataset(options) -> Dataset`.
    """

    name: str
    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]: ...

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]: ...
