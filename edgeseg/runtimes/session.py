"""The one Session: an engine between what the facts declare and what a user wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError, MeasureError
from edgeseg.core.profile import Trace
from edgeseg.core.resize import resize_nearest
from edgeseg.core.types import Facts, Size
from edgeseg.runtimes.classmap import argmax_classmap, upsample_argmax
from edgeseg.runtimes.engine import Engine

__all__ = ["Session"]


@final
class Session:
    """See `core.protocols.Session`.

    Raises InputError where the facts declare an input that the engine cannot be given.
    """

    def __init__(self, facts: Facts, engine: Engine) -> None:
        self.facts = facts
        self._opened: Engine | None = engine
        declared, taken = np.dtype(facts.input.dtype), np.dtype(engine.input.dtype)
        self._cast = declared.kind == taken.kind == "f"
        if declared != taken and not self._cast and engine.input.quantization is None:
            raise InputError(
                f"{facts.model}: the file takes {taken} without a scale and zero point, so it cannot be given "
                f"normalized {declared} pixels; leave out --mean and --std"
            )

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Run a batch in the declared layout and dtype; the output comes as the runtime gives it."""
        return self._engine.run(self._fed(batch))

    def holding(self, batch: NDArray[Any]) -> Callable[[], object]:
        """A call that runs the network alone, on a batch that the runtime already holds."""
        engine, fed = self._engine, self._fed(batch)
        return engine.holding(fed) if engine.holding else lambda: engine.run(fed)

    def __call__(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Run a batch in the declared layout and dtype; integer scores come back as real numbers."""
        raw = self.run(batch)
        quantization = self._engine.output.quantization
        if quantization is None or self.facts.output.head == "classmap":
            return raw
        real: NDArray[Any] = (raw.astype(np.float32) - quantization.zero_point) * np.float32(quantization.scale)
        return real

    def classmap(self, batch: NDArray[Any], size: Size | None = None) -> NDArray[np.uint8]:
        """Run a batch and finish it: (N, H, W) class indices at a size, by default the input's, whatever the head.

        Integer scores are compared as integers, so equal ones tie and the lowest class wins. A class map that the file
        gives itself is brought to another size by nearest neighbours.
        """
        engine = self._engine
        raw = (engine.lent or engine.run)(self._fed(batch))
        own, output = self.facts.input.size, self.facts.output
        size = size or own
        if output.head == "classmap":
            shape = len(batch), own.height, own.width
            if raw.size != np.prod(shape):
                raise MeasureError(f"{self.facts.model}: class map of shape {raw.shape} where {shape} was declared")
            return resize_nearest(raw.reshape(shape).astype(np.uint8), size)
        self._check_scores(raw)
        if size == (own if output.head == "logits" else output.size):
            return np.stack([argmax_classmap(image, output.layout) for image in raw])
        return np.stack([upsample_argmax(image, size, output.align_corners, output.layout) for image in raw])

    def tensors(self, batch: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
        """The input and every computed tensor in execution order, or those that the session was opened to watch.

        Raises InputError where it was opened for neither.
        """
        if self._engine.tensors is None:
            raise InputError(f"{self.facts.model}: its tensors can be read only if it is opened with tensors=True")
        return self._engine.tensors(self._fed(batch))

    def trace(self, batch: NDArray[Any], runs: int) -> Trace:
        """Run a batch so many times under the runtime's own profiler, which opens the file anew.

        Raises InputError where the runtime has none, MissingDependency where its package is not installed.
        """
        if self._engine.trace is None:
            raise InputError(f"{self.facts.model}: this runtime has no profiler; profile an exported file")
        return self._engine.trace(self._fed(batch), runs)

    def close(self) -> None:
        """Free the runtime's memory."""
        self._opened = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _engine(self) -> Engine:
        if self._opened is None:
            raise InputError(f"{self.facts.model}: the session was closed; open another")
        return self._opened

    def _fed(self, batch: NDArray[Any]) -> NDArray[Any]:
        """The batch as the engine takes it."""
        facts = self.facts.input
        if batch.shape != facts.shape or batch.dtype != facts.dtype:
            raise InputError(
                f"{self.facts.model}: batch of shape {batch.shape} and dtype {batch.dtype}, but it takes {facts.shape} "
                f"{facts.dtype} ({facts.layout})"
            )
        taken = np.dtype(self._engine.input.dtype)
        if self._cast or batch.dtype == taken:
            return batch.astype(taken, copy=False)
        quantization = self._engine.input.quantization
        assert quantization is not None
        steps = np.rint(batch / np.float32(quantization.scale)) + quantization.zero_point
        limits = np.iinfo(taken)
        fed: NDArray[Any] = np.clip(steps, limits.min, limits.max).astype(taken)
        return fed

    def _check_scores(self, raw: NDArray[Any]) -> None:
        output, classes = self.facts.output, len(self.facts.classes)
        height, width = output.size.height, output.size.width
        n = self.facts.input.batch
        shape = (n, classes, height, width) if output.layout == "NCHW" else (n, height, width, classes)
        if raw.shape != shape:
            raise MeasureError(f"{self.facts.model}: {output.head} of shape {raw.shape} where {shape} was declared")
