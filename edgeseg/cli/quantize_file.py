"""One float file of `edgeseg quantize`: quantized, held against the float file, and what there is to say of both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgeseg.cli.console import progress_bar, say, waiting, warn
from edgeseg.cli.interrupt import EndByCtrlC
from edgeseg.cli.verdict import (
    quantized_lines,
    say_ablation,
    say_evidence,
    say_fidelity,
    say_judged,
    say_mixture,
    warn_calibration,
    warn_slower,
)
from edgeseg.core.errors import EdgesegError

if TYPE_CHECKING:
    from edgeseg.core.protocols import Recipe
    from edgeseg.core.types import Artifact
    from edgeseg.pipeline import Again, Budget
    from edgeseg.pipeline.worth.judging import Judged
    from edgeseg.quantize.finished.report import Report

__all__ = ["Wanted", "quantize_file"]


@dataclass(frozen=True)
class Wanted:
    """What is asked for beside the recipe; `default_images` is whether no --data was given."""

    out: Path
    threads: int
    budget: Budget | None = None
    profile: bool = True
    float_slow: bool | None = None
    ablate: bool = False
    default_images: bool = False

    def may_leave_slow(self, recipe: Recipe) -> bool:
        """Whether operators may be left in float for their time: as asked, or unasked where int8 is the slower."""
        unasked = self.float_slow is None and self.profile and recipe.precision == "int8"
        return bool(self.float_slow or unasked)

    def may_quantize_again(self, recipe: Recipe) -> bool:
        """Whether a file may be quantized more than once."""
        return self.may_leave_slow(recipe) or self.budget is not None or self.ablate

    def advises(self, recipe: Recipe) -> bool:
        """Whether there is an option to name where int8 is far from the float file."""
        return self.budget is None and recipe.precision == "int8"


@dataclass(frozen=True)
class _Made:
    """A quantized file, how it was made, and what is int8 in it, which is known of calibrated ones alone."""

    again: Again
    artifact: Artifact
    report: Report | None


def quantize_file(again: Again, wanted: Wanted) -> Artifact:
    """Write the quantized file, do with it what is wanted, and say how that went."""
    from edgeseg.quantize.precisions import kind_of

    if wanted.budget is not None:
        again = _within(again, wanted.budget, wanted)
    made = _calibrated(again, wanted) if kind_of(again.recipe).calibrated else _converted(again, wanted)
    if wanted.default_images:
        warn_calibration(made.artifact)
    if wanted.profile or wanted.float_slow:
        made = _judged(made, wanted)
    if wanted.ablate and made.report is not None:
        _ablate(made.again, made.artifact, made.report, wanted.threads)
    return made.artifact


def _within(again: Again, budget: Budget, wanted: Wanted) -> Again:
    """With the layers left in float that it takes to keep within a budget."""
    from edgeseg import pipeline

    target = pipeline.quantized_path(again.source.path, "int8", wanted.out)
    known = pipeline.known_beside(target)
    with progress_bar(f"mixed precision for {target.name}") as show, EndByCtrlC(show) as end:
        mixture = pipeline.mix(replace(again, enough=end.enough), budget, known, wanted.threads, end.progress)
    say_mixture(mixture, target)
    return again.without(mixture.floating)


def _calibrated(again: Again, wanted: Wanted) -> _Made:
    from edgeseg import pipeline

    with progress_bar(f"quantize {again.source.path.name}") as show, EndByCtrlC(show) as end:
        target = pipeline.quantized_path(again.source.path, again.recipe.precision, wanted.out)
        quantized, report = replace(again, enough=end.enough)((), target, end.progress)
    _say_made(again, quantized, report.summary(), wanted)
    return _Made(again, quantized, report)


def _converted(again: Again, wanted: Wanted) -> _Made:
    from edgeseg import pipeline

    with waiting(f"quantize {again.source.path.name}"):
        quantized, weights = pipeline.convert(again.source, again.recipe, folder=wanted.out)
    _say_made(again, quantized, weights.summary(), wanted)
    return _Made(again, quantized, None)


def _say_made(again: Again, quantized: Artifact, summary: str, wanted: Wanted) -> None:
    from edgeseg import pipeline

    say(*quantized_lines(quantized, summary))
    with waiting(f"compare {quantized.path.name} with float"):
        found = pipeline.fidelity(again, quantized, wanted.threads)
    if found is not None:
        say_fidelity(found, quantized, wanted.advises(again.recipe))


def _judged(made: _Made, wanted: Wanted) -> _Made:
    """Hold the file against its float twin, and leave in float what makes it slow: if asked, or if it is the slower.

    Returns what there is then.
    """
    from edgeseg import pipeline
    from edgeseg.pipeline.fitting import misfit, speaks_for_devices

    again, quantized = made.again, made.artifact
    if (why := misfit(quantized)) is not None:
        say(f"  not held against its float twin: {why}")
        return made
    try:
        with progress_bar(quantized.path.name) as show:
            judged = pipeline.judge(again.source, quantized, again.recipe, wanted.threads, show)
    except EdgesegError as error:  # The file is there and whole; only what it is worth is not known.
        warn(f"edgeseg: {quantized.path}: not held against its float twin: {error}")
        return made
    say_judged(judged)
    slower = judged.verdict.contest.is_slower
    if wanted.may_leave_slow(again.recipe) and (wanted.float_slow or (slower and speaks_for_devices(quantized))):
        without = _without_slow(again, judged, wanted.threads)
        if without is not again:
            remade, report = without((), quantized.path)
            _say_made(without, remade, report.summary(), wanted)
            return _judged(_Made(without, remade, report), replace(wanted, float_slow=False))
    if slower:
        warn_slower(judged)
    return replace(made, artifact=judged.artifact)


def _without_slow(again: Again, judged: Judged, threads: int) -> Again:
    """With the operators left in float that int8 does not pay for here, if there are any."""
    from edgeseg import pipeline

    name = judged.artifact.path.name
    try:
        with progress_bar(name) as show:
            evidence = pipeline.leave_slow(again, judged.artifact, judged.verdict, threads, show)
    except EdgesegError as error:
        warn(f"edgeseg: {judged.artifact.path}: what of it is slow was not found: {error}")
        return again
    say_evidence(evidence)
    return again.without(evidence.floating) if evidence.floating else again


def _ablate(again: Again, quantized: Artifact, report: Report, threads: int) -> None:
    from edgeseg import pipeline
    from edgeseg.pipeline.fitting import misfit

    if (why := misfit(quantized)) is not None:
        say(f"  no pass was left out to compare: {why}")
        return
    known = quantized.path.with_name(f"{quantized.path.name}.ablation.json")
    with progress_bar(quantized.path.name) as show:
        rows = pipeline.ablate(again, quantized, report, known, threads, show)
    say_ablation(rows, quantized.path)
