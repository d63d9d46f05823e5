"""The training loop of both frameworks: batches, schedule, checkpoints, the clock and Ctrl-C."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgeseg.core import registry
from edgeseg.core.errors import InputError, TrainError, first_line
from edgeseg.core.protocols import Dataset, Progress
from edgeseg.core.types import Model
from edgeseg.train import checkpoint as checkpoints
from edgeseg.train.batches import Batches
from edgeseg.train.checkpoint import Checkpoint
from edgeseg.train.options import TrainOptions, TrainResult

__all__ = ["Stepper", "train"]

_RECENT = 50
_BEGAN = "the weights that training began with give no numbers"


class Stepper(Protocol):
    """A framework's part. A module `edgeseg.train.<framework>` has `open_stepper(model, options, class_weights)`."""

    def step(self, images: NDArray[np.float32], labels: NDArray[np.int32], learning_rate: float) -> float:
        """Learn from (N, H, W, 3) images and (N, H, W) labels, -1 where ignored; the mean loss before the update."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Weights, optimizer and random state."""

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take up what `state` gave; ValueError where it is of another network."""

    def close(self) -> None:
        """Put the network back into inference mode."""


def train(
    model: Model,
    dataset: Dataset,
    options: TrainOptions,
    checkpoint_path: Path,
    progress: Progress,
    given: Mapping[str, str] | None = None,
) -> TrainResult:
    """Train `model.network` in place with cross-entropy, going on from `checkpoint_path` where a run was stopped.

    `given` is what else must be the same to go on, such as the weights that the network starts from.

    Raises InputError for options, data or a checkpoint that do not fit, TrainError where the weights that it begins
    with or the loss are no numbers, or when Ctrl-C stopped the run (the checkpoint is then written and the message
    names it).
    """
    if len(dataset.classes) != len(model.classes):
        raise InputError(
            f"model {model.name} tells {len(model.classes)} classes apart, dataset {dataset.name} has "
            f"{len(dataset.classes)}; build the model with classes={len(dataset.classes)}"
        )
    module = registry.load("edgeseg.train", model.framework, why=f"training {model.name}")
    batches = Batches(dataset, model.normalization, options)
    about = {
        "model": model.name,
        "framework": model.framework,
        "dataset": f"{dataset.name} ({len(dataset)} images)",
        **(given or {}),
        **options.deciding(),
    }
    with closing(module.open_stepper(model, options, batches.class_weights())) as stepper:
        return _fit(stepper, batches, about, options, checkpoint_path, progress)


class _Run:
    """How far a run is. Time counts from construction, added to that of the parts before."""

    def __init__(self, options: TrainOptions, start: Checkpoint) -> None:
        self.step = start.step
        self.recent = deque(start.recent, _RECENT)
        self.losses: list[float] = []
        self._options = options
        self._about = start.run
        self._begun = time.perf_counter() - start.elapsed_s

    @property
    def elapsed_s(self) -> float:
        return time.perf_counter() - self._begun

    @property
    def progress(self) -> float:
        minutes = self._options.minutes
        spent = 0.0 if minutes is None else self.elapsed_s / (60 * minutes)
        return min(1.0, max(self.step / self._options.steps, spent))

    @property
    def loss(self) -> float:
        return math.fsum(self.recent) / len(self.recent)

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.step, self.progress, self.elapsed_s, list(self.recent), self._about)

    def result(self) -> TrainResult:
        return TrainResult(self.step, self.loss, tuple(self.losses), self.elapsed_s)


def _fit(
    stepper: Stepper, batches: Batches, about: dict[str, Any], options: TrainOptions, path: Path, progress: Progress
) -> TrainResult:
    start = Checkpoint(0, 0.0, 0.0, [], about)
    if (stored := checkpoints.read(path, about)) is not None:
        start, state = stored
        try:
            stepper.restore(state)
        except ValueError as error:
            raise InputError(f"{path}: {error}; delete it to start anew, or choose another path") from error
    if start.progress >= 1.0:
        progress("training was finished", start.step, start.step)
        return TrainResult(start.step, math.fsum(start.recent) / len(start.recent), (), start.elapsed_s)
    if not start.step and _has_nan(stepper.state()):
        raise TrainError(f"{_BEGAN}: some are NaN; give others")
    run = _Run(options, start)
    with closing(batches.stream(run.step)) as stream, _interrupts() as stopped:
        _steps(stepper, stream, run, options, path, progress, stopped)
    return run.result()


def _steps(
    stepper: Stepper,
    stream: Iterator[tuple[NDArray[np.float32], NDArray[np.int32]]],
    run: _Run,
    options: TrainOptions,
    path: Path,
    progress: Progress,
    stopped: Callable[[], bool],
) -> None:
    saved_s = run.elapsed_s
    while (done := run.progress) < 1.0 or not run.step:
        if stopped():
            _keep(path, run, stepper, options)
            raise TrainError(
                f"training stopped at step {run.step} of {options.steps}, kept in {path}; "
                "the same command goes on from there"
            )
        images, labels = next(stream)
        try:
            loss = stepper.step(images, labels, options.rate(done, run.step))
        except (ValueError, RuntimeError) as error:
            raise TrainError(
                f"the network refused {options.batch} images of {options.crop}: {first_line(error)}; "
                "try another batch or another crop"
            ) from error
        if not math.isfinite(loss) and not run.step:
            raise TrainError(f"{_BEGAN}: the loss is {loss} before the first step; give others")
        if not math.isfinite(loss):
            raise _diverged(f"the loss at step {run.step} is {loss}", options, path)
        run.step += 1
        run.losses.append(loss)
        run.recent.append(loss)
        progress(f"loss {run.loss:.3f}", run.step, options.steps)
        if run.progress < 1.0 and run.elapsed_s - saved_s >= options.checkpoint_seconds:
            _keep(path, run, stepper, options)
            saved_s = run.elapsed_s
    _keep(path, run, stepper, options)


def _keep(path: Path, run: _Run, stepper: Stepper, options: TrainOptions) -> None:
    """Write a checkpoint; none of weights that are no numbers, which the loss before the last step does not show."""
    state = stepper.state()
    if _has_nan(state):
        raise _diverged(f"after step {run.step} the weights are no numbers any more", options, path)
    checkpoints.write(path, run.checkpoint(), state)


def _has_nan(state: Mapping[str, NDArray[Any]]) -> bool:
    return any(np.isnan(value).any() for value in state.values() if value.dtype.kind == "f")


def _diverged(what: str, options: TrainOptions, path: Path) -> TrainError:
    remedy = f"try a learning rate below {options.learning_rate}"
    old = f", and delete {path} before, which was trained at this one" if path.exists() else ""
    return TrainError(f"{what}; {remedy}{old}")


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C or SIGTERM into a flag, so that no step is cut in half; a second one acts at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def ask(_signal: int, _frame: object) -> None:
        asked.set()
        give_back()

    def give_back() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        give_back()
