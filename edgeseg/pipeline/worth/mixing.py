"""Mixed precision on a budget: the layers to leave in float so that mIoU drops by no more than that."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeseg import runtimes
from edgeseg.bench.profiles.layers import Layer, in_order
from edgeseg.core.errors import InputError, QuantizeError
from edgeseg.core.files import temporary_folder
from edgeseg.core.protocols import Progress
from edgeseg.core.types import Artifact
from edgeseg.data.preprocess import Preprocessor
from edgeseg.pipeline.images import open_evaluation
from edgeseg.pipeline.measure.evaluating import accuracy
from edgeseg.pipeline.silence import silent
from edgeseg.pipeline.worth.again import Again
from edgeseg.pipeline.worth.sensitivity import Known, measure_layers
from edgeseg.pipeline.worth.verdict import hold_against

__all__ = ["Budget", "Mixture", "mix"]


@dataclass(frozen=True)
class Budget:
    """How many points of mIoU int8 may cost, on the images of a dataset's evaluation split, or the first so many."""

    max_drop_points: float
    data: str
    images: int | None = None


@dataclass(frozen=True)
class Mixture:
    """Layers in the order in which they go back to float, and how many of them have to, at the least."""

    layers: tuple[Layer, ...]
    count: int
    float_miou_percent: float
    miou_percent: float
    evaluations: int
    """How many files were evaluated for it; none where all was known."""

    @property
    def floating(self) -> tuple[str, ...]:
        """The tensors whose operators stay in float."""
        return tuple(name for layer in self.layers[: self.count] for name in layer.tensors)


def mix(again: Again, budget: Budget, known: Path, threads: int, progress: Progress = silent) -> Mixture:
    """Find the first so many layers, of those that rid the scores of most noise for the least time, that are enough.

    Args:
        again: How the file was quantized.
        budget: What it may cost.
        known: File that keeps what is found, so that another budget costs no measurement twice.
        threads: To measure with.
        progress: Told how far it is.

    Raises:
        InputError: A budget or dataset that cannot be used.
        QuantizeError: Even with all layers but one in float the drop is larger.
    """
    if budget.max_drop_points < 0:
        raise InputError(f"a drop of {budget.max_drop_points} points: at least 0 can be asked for")
    search = _Search(again, budget, Known.open(known, again), threads, progress)
    if search.drop(()) > budget.max_drop_points and not search.known.layers:
        search.known.layers = _layers(again, threads, progress)
        search.known.save()
    layers = tuple(in_order(search.known.layers))

    def drop(count: int) -> float:
        return search.drop(tuple(name for layer in layers[:count] for name in layer.tensors))

    low, high = -1, 0
    if drop(0) > budget.max_drop_points:
        low, high = 0, len(layers) - 1
        if high < 1 or drop(high) > budget.max_drop_points:
            raise QuantizeError(_too_tight(again.source, budget, {count: drop(count) for count in (0, max(high, 0))}))
    while high - low > 1:
        middle = (low + high) // 2
        if drop(middle) <= budget.max_drop_points:
            high = middle
        else:
            low = middle
    return Mixture(layers, high, search.float_percent, search.float_percent - drop(high), search.evaluations)


def _layers(again: Again, threads: int, progress: Progress) -> tuple[Layer, ...]:
    with temporary_folder() as folder:
        quantized, _ = again((), folder / f"whole{again.source.path.suffix}", progress)
        verdict = hold_against(quantized, again.source, threads, progress)
    return measure_layers(again, verdict, threads, progress)


def _too_tight(source: Artifact, budget: Budget, drops: Mapping[int, float]) -> str:
    count = min(drops, key=lambda each: (drops[each], each))
    found = f"with {count} layers in float" if count else "wholly in int8"
    return (
        f"{source.path}: no int8 file keeps the drop within {budget.max_drop_points:g} points; the best found, "
        f"{found}, drops by {drops[count]:.2f}; allow more, calibrate on more images, or ship the float file"
    )


@dataclass
class _Search:
    """Evaluates files that leave some operators in float, each once."""

    again: Again
    budget: Budget
    known: Known
    threads: int
    progress: Progress
    evaluations: int = 0

    @property
    def float_percent(self) -> float:
        return self._percent("float", self.again.source)

    def drop(self, floating: tuple[str, ...]) -> float:
        """Points of mIoU that the int8 file with these tensors' operators in float loses against the float file."""
        name = hashlib.sha256("\n".join(floating).encode()).hexdigest()[:16]
        return self.float_percent - self._percent(name, floating)

    def _percent(self, name: str, what: Artifact | tuple[str, ...]) -> float:
        images = "all images" if self.budget.images is None else f"{self.budget.images} images"
        key = f"{name} on {images} of {self.budget.data}"
        if key not in self.known.miou_percent:
            if isinstance(what, Artifact):
                found = self._evaluate(what)
            else:
                with temporary_folder() as folder:
                    found = self._evaluate(self.again(what, folder / f"some{self.again.source.path.suffix}")[0])
            self.known.miou_percent[key] = found
            self.known.save()
            self.evaluations += 1
        return self.known.miou_percent[key]

    def _evaluate(self, artifact: Artifact) -> float:
        facts = artifact.facts
        dataset = open_evaluation(self.budget.data, None, facts.input.size, self.budget.images)
        with runtimes.open_session(artifact, threads=self.threads) as session:
            found = accuracy(session, dataset, Preprocessor(facts.input), self.progress)["miou_percent"]
        if found is None:
            raise InputError(f"{self.budget.data}: no labelled pixel to measure the drop on; give other --data")
        return float(found)
