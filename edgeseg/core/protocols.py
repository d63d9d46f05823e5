"""The contracts between the rooms. Each has one verb; capabilities are declared as data in the file that has them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias, get_args

from edgeseg.core.errors import InputError
from edgeseg.core.profile import Trace
from edgeseg.core.types import Artifact, Facts, Format, Framework, HeadKind, Model, Precision, Size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "IGNORE",
    "Calibration",
    "Dataset",
    "DatasetDeclaration",
    "DatasetOptions",
    "ExportSpec",
    "Exporter",
    "ExporterDeclaration",
    "Keep",
    "Observe",
    "Progress",
    "Quantizer",
    "QuantizerDeclaration",
    "Recipe",
    "Runtime",
    "RuntimeDeclaration",
    "Session",
    "never",
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

    def holding(self, batch: NDArray[Any]) -> Callable[[], object]:
        """A call that runs the network alone, on a batch that the runtime already holds: what there is to be timed."""

    def __call__(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Run a batch in the declared layout and dtype; integer scores come back as real numbers."""

    def classmap(self, batch: NDArray[Any], size: Size | None = None) -> NDArray[np.uint8]:
        """Run a batch and finish it: (N, H, W) class indices at a size, by default the input's, whatever the head."""

    def tensors(self, batch: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
        """The graph's tensors in execution order: all, or those that the session was opened to watch."""

    def trace(self, batch: NDArray[Any], runs: int) -> Trace:
        """Run a batch so many times under the runtime's own profiler."""

    def close(self) -> None:
        """Free the runtime's memory."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


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

    def __call__(
        self, source: Artifact | Model, threads: int, *, device: str, tensors: bool, watch: tuple[str, ...]
    ) -> Session: ...


@dataclass(frozen=True)
class ExportSpec:
    """What is asked of an exporter."""

    size: Size
    batch: int = 1
    head: HeadKind | None = None
    """None: `scores`, which are those before the bilinear upsample that the network may end in."""

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise InputError(f"batch {self.batch}: at least 1 image is needed")
        if self.head not in (None, *get_args(HeadKind)):
            raise InputError(f"no head {self.head!r}; there are: {', '.join(get_args(HeadKind))}")


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
    """How a file is quantized.

    `edgeseg.quantize.precisions.PRECISIONS` says which of the fields a precision has a use for.
    """

    name: str = "default"
    method: str = "mse"
    """Of the activation ranges: `minmax`, `moving-average`, `percentile`, `mse` or `entropy`."""
    percentile: float = 99.99
    per_channel: bool = True
    """Whether every output channel of the weights has a scale of its own; activations never do."""
    activation: str = "auto"
    """Integer type of activations: `int8`, `uint8`, `int16`, `uint16`, or `auto` for the target's."""
    target: str = "auto"
    """Name of one of `edgeseg.quantize.targets.TARGETS`, or `auto` for what fits the format and this machine."""
    input: str = "auto"
    """What the file takes: `float`, `int8` (normalized pixels in the integers that it computes in), `uint8` (RGB bytes
    as they are, NHWC), `uint8-nchw`, or `auto` for the target's."""
    output: str = "auto"
    """What scores and logits come out as: `float`, `int8` (the integers that it computes in), or `auto`."""
    without: tuple[str, ...] = ()
    """Passes of `edgeseg.quantize.passes.PASSES` to leave out."""
    floating: tuple[str, ...] = ()
    """Operators to leave in float, each named by the tensor that it gives; in an ONNX file also by its own name."""
    precision: Precision = "int8"
    learned_rounding: bool = False
    """Whether weights are rounded up or down by what their layer gives on the images, rather than to the nearest."""

    @property
    def weights(self) -> str:
        """The weights in words."""
        return "int8 weights" if self.per_channel else "int8 weights per tensor"


class Observe(Protocol):
    """Runs a float file on prepared batches, yielding one iterator a batch over its tensors of these names, or all."""

    def __call__(
        self, artifact: Artifact, batches: Iterable[NDArray[Any]], names: Collection[str] | None
    ) -> Iterator[Iterator[tuple[str, NDArray[Any]]]]: ...


@dataclass(frozen=True)
class Keep:
    """A file that keeps what calibration saw of float files, so that it can be used again without an image."""

    path: Path
    add: bool
    """Whether a float file that is not in it is run and added; if not, it is refused."""
    lasting: bool = True
    """Whether it is to serve other recipes, such as those without equalization, which want ranges of another graph."""


def never() -> bool:
    """Of a caller for whom nothing less than all is enough."""
    return False


@dataclass(frozen=True)
class Calibration:
    """Prepared batches to take ranges from, and the means to look inside a file while they run.

    `batches` can be gone through more than once. `source` names where they come from.
    """

    batches: Iterable[NDArray[Any]]
    count: int
    source: str
    observe: Observe
    progress: Progress
    keep: Keep | None = None
    enough: Callable[[], bool] = never
    """Asked after every image: whether to go on with what was seen so far."""
    begun: Path | None = None
    """Where what was seen is kept twice a minute, and where a pass that was stopped is gone on with."""


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
    """What a dataset is opened with. `split` and `size` of None mean the dataset's own, `limit` of None all samples."""

    path: Path | None = None
    split: str | None = None
    size: Size | None = None
    limit: int | None = None
    spread: bool = False
    """Whether `limit` takes samples from the whole, where neighbours may be alike, rather than the first."""
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


IGNORE = 255
"""Train id of pixels that belong to no class and count for nothing."""


class Dataset(Protocol):
    """Images (H, W, 3) uint8 RGB with labels (H, W) uint8 of train ids, or `IGNORE`; without `classes`, no label says
    anything.

    A module of `edgeseg.data` has DECLARATION and a function `open_dataset(options) -> Dataset`.
    """

    name: str
    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]: ...

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]: ...
