"""Mixed precision on a budget: the layers to leave in float so that int8 costs no more accuracy than that."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from edgeseg import runtimes
from edgeseg.bench.profiles.layers import Layer, in_order
from edgeseg.core.errors import InputError, QuantizeError
from edgeseg.core.files import temporary_folder
from edgeseg.core.protocols import Dataset, Progress
from edgeseg.core.types import Artifact
from edgeseg.data.preprocess import Preprocessor
from edgeseg.data.stamp import stamp
from edgeseg.pipeline.images import open_evaluation
from edgeseg.pipeline.measure.evaluating import accuracy, refuse_other_classes
from edgeseg.pipeline.silence import silent
from edgeseg.pipeline.worth.again import Again
from edgeseg.pipeline.worth.fidelity import sqnr_db
from edgeseg.pipeline.worth.sensitivity import Known, measure_layers, scores_of
from edgeseg.pipeline.worth.verdict import hold_against
from edgeseg.quantize.targets import target_of

__all__ = ["Budget", "Cost", "Mixture", "known_beside", "mix"]

_SQNR = "SQNR dB of the worst image"


@dataclass(frozen=True)
class Budget:
    """What int8 may cost; None is no limit.

    mIoU in points, on the images of a dataset's evaluation split, or the first so many; by default of the dataset that
    calibration images are of. The scores' signal to quantization noise ratio (SQNR) in dB, on the worst calibration
    image, which needs no labels.
    """

    max_drop_points: float | None = None
    data: str | None = None
    images: int | None = None
    min_sqnr_db: float | None = None

    def __str__(self) -> str:
        limits = []
        if self.max_drop_points is not None:
            limits.append(f"the drop within {self.max_drop_points:g} points")
        if self.min_sqnr_db is not None:
            limits.append(f"the SQNR at {self.min_sqnr_db:g} dB")
        return " and ".join(limits)


@dataclass(frozen=True)
class Cost:
    """What an int8 file loses against its float file; None for what there is no limit on."""

    float_miou_percent: float | None = None
    miou_percent: float | None = None
    sqnr_db: float | None = None
    data: str | None = None
    """What mIoU was measured on."""

    @property
    def drop_points(self) -> float | None:
        """Of mIoU."""
        if self.float_miou_percent is None or self.miou_percent is None:
            return None
        return self.float_miou_percent - self.miou_percent

    def within(self, budget: Budget) -> bool:
        """Whether it is no more than a budget has."""
        drop, sqnr = self.drop_points, self.sqnr_db
        dear = drop is not None and budget.max_drop_points is not None and drop > budget.max_drop_points
        noisy = sqnr is not None and budget.min_sqnr_db is not None and sqnr < budget.min_sqnr_db
        return not dear and not noisy

    def __str__(self) -> str:
        told = []
        if self.drop_points is not None:
            told.append(
                f"mIoU {self.miou_percent:.2f} %, float {self.float_miou_percent:.2f} %: a drop of "
                f"{self.drop_points:.2f} points on {self.data}"
            )
        if self.sqnr_db is not None:
            told.append(f"SQNR {self.sqnr_db:.1f} dB at the scores of the worst image")
        return ", ".join(told)


@dataclass(frozen=True)
class Mixture:
    """Layers in the order in which they go back to float, and how many of them have to, at the least."""

    layers: tuple[Layer, ...]
    count: int
    cost: Cost
    evaluations: int
    """How many files were evaluated for it; none where all was known."""

    @property
    def floating(self) -> tuple[str, ...]:
        """The tensors whose operators stay in float."""
        return tuple(name for layer in self.layers[: self.count] for name in layer.tensors)


def known_beside(path: Path) -> Path:
    """The file that `mix` keeps what it finds in, for the int8 file at a path."""
    return path.with_name(f"{path.name}.sensitivity.json")


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
        QuantizeError: Even with all layers but one in float it costs more.
    """
    if budget.max_drop_points is not None and budget.max_drop_points < 0:
        raise InputError(f"a drop of {budget.max_drop_points} points: at least 0 can be asked for")
    if budget.min_sqnr_db is not None and again.source.facts.output.head == "classmap":
        raise InputError(f"{again.source.path}: gives a class map, without scores for --min-sqnr; leave that out")
    target = target_of(again.recipe, again.source.facts.format)
    if target.integer_only:
        raise InputError(f"target {target.name} has integers alone, and no layers to leave in float for {budget}")
    if budget.max_drop_points is not None:
        facts = again.source.facts
        refuse_other_classes(_evaluation(again, budget), _data(again, budget), facts.model, facts.classes)
    found = Known.open(known)  # Where that cannot be read is told before long work.
    with temporary_folder() as folder:
        whole, _ = again((), folder / f"whole{again.source.path.suffix}", progress)
        return _mixture(_Search(again, budget, whole, found.about(again, whole, threads), threads, progress))


def _mixture(search: _Search) -> Mixture:
    budget = search.budget
    if not search.cost(()).within(budget) and not search.known.layers:
        search.known.layers = search.layers()
        search.known.save()
    layers = tuple(in_order(search.known.layers))

    def cost(count: int) -> Cost:
        return search.cost(tuple(name for layer in layers[:count] for name in layer.tensors))

    low, high = -1, 0
    if not cost(0).within(budget):
        low, high = 0, len(layers) - 1
        if high < 1 or not cost(high).within(budget):
            raise QuantizeError(_too_tight(search.again.source, budget, cost(0), cost(max(high, 0)), max(high, 0)))
    while high - low > 1:
        middle = (low + high) // 2
        if cost(middle).within(budget):
            high = middle
        else:
            low = middle
    return Mixture(layers, high, cost(high), search.evaluations)


def _too_tight(source: Artifact, budget: Budget, whole: Cost, mixed: Cost, count: int) -> str:
    better = (mixed.drop_points or 0.0, -(mixed.sqnr_db or 0.0)) < (whole.drop_points or 0.0, -(whole.sqnr_db or 0.0))
    found = f"with {count} layers in float: {mixed}" if better else f"wholly in int8: {whole}"
    return (
        f"{source.path}: no int8 file keeps {budget}; the best found, {found}; allow more, calibrate on more images, "
        "or ship the float file"
    )


def _data(again: Again, budget: Budget) -> str:
    data = budget.data or again.samples
    if not isinstance(data, str):
        raise InputError(f"{budget} on images in memory: give the budget the name of data to measure it on")
    return data


def _evaluation(again: Again, budget: Budget) -> Dataset:
    return open_evaluation(_data(again, budget), None, again.source.facts.input.size, budget.images)


@dataclass
class _Search:
    """Evaluates files that leave some operators in float, each once."""

    again: Again
    budget: Budget
    whole: Artifact
    """With none in float but what was asked for."""
    known: Known
    threads: int
    progress: Progress
    evaluations: int = 0

    def cost(self, floating: tuple[str, ...]) -> Cost:
        """What the int8 file with these tensors' operators in float loses, as far as that is limited."""
        miou = self._miou if self.budget.max_drop_points is not None else ""
        sqnr = _SQNR if self.budget.min_sqnr_db is not None else ""
        found = self._found(floating, [what for what in (miou, sqnr) if what])
        original = self._found(None, [miou]) if miou else {}
        data = _data(self.again, self.budget) if miou else None
        return Cost(original.get(miou), found.get(miou), found.get(sqnr), data)

    def layers(self) -> tuple[Layer, ...]:
        """What each layer's int8 form alone costs and gives."""
        verdict = hold_against(self.whole, self.again.source, self.threads, self.progress)
        return measure_layers(self.again, verdict, self.threads, self.progress)

    @cached_property
    def _miou(self) -> str:
        """What mIoU is called that is measured on these very images and labels."""
        budget = self.budget
        images = "all images" if budget.images is None else f"{budget.images} images"
        return f"mIoU % on {images} of {_data(self.again, budget)} {stamp(_evaluation(self.again, budget))}"

    def _found(self, floating: tuple[str, ...] | None, wanted: list[str]) -> dict[str, float]:
        """What is wanted of the file that leaves these in float, or of the float file itself."""
        name = "float" if floating is None else hashlib.sha256("\n".join(floating).encode()).hexdigest()[:16]
        found = self.known.found.setdefault(name, {})
        missing = [what for what in wanted if what not in found]
        if missing:
            with temporary_folder() as folder:
                artifact = self._file(floating, folder / f"some{self.again.source.path.suffix}")
                for what in missing:
                    found[what] = self._sqnr_db(artifact) if what == _SQNR else self._miou_percent(artifact)
            self.known.save()
            self.evaluations += 1
        return found

    def _file(self, floating: tuple[str, ...] | None, path: Path) -> Artifact:
        """The file that leaves these in float, made at `path` where there is none yet."""
        if floating is None:
            return self.again.source
        return self.again(floating, path, verified=False)[0] if floating else self.whole

    def _miou_percent(self, artifact: Artifact) -> float:
        facts = artifact.facts
        dataset = _evaluation(self.again, self.budget)
        with runtimes.open_session(artifact, threads=self.threads) as session:
            found = accuracy(session, dataset, Preprocessor(facts.input), self.progress)["miou_percent"]
        if found is None:
            data = _data(self.again, self.budget)
            raise InputError(f"{data}: no labelled pixel to measure the drop on; give other --data")
        return float(found)

    def _sqnr_db(self, artifact: Artifact) -> float:
        again = self.again
        seen = self.whole.facts.calibration  # Fewer where calibration was ended early.
        images = min(again.count, seen.count) if seen else again.count
        expected, given = (scores_of(each, again, self.threads, images) for each in (again.source, artifact))
        return sqnr_db(expected, given)
