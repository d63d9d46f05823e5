"""Whether quantizing paid, seen on the runtime itself."""

from __future__ import annotations

from dataclasses import dataclass

from edgeseg.bench.profiles.islands import Island
from edgeseg.core.protocols import Progress, Recipe
from edgeseg.core.types import Artifact
from edgeseg.pipeline.silence import silent
from edgeseg.pipeline.worth.verdict import Verdict, hold_against, marked
from edgeseg.quantize.precisions import kind_of

__all__ = ["Judged", "judge"]


@dataclass(frozen=True)
class Judged:
    """A quantized file, how it fares against its float twin, and what it leaves in float at what cost."""

    artifact: Artifact
    verdict: Verdict
    islands: tuple[Island, ...]

    @property
    def summary(self) -> str:
        """One line for a human."""
        contest = self.verdict.contest
        times = f"{self.artifact.facts.precision} {contest.p50_ms:.2f} ms, float {contest.other_p50_ms:.2f} ms"
        return f"{times} in turns on {self.verdict.setting}: {contest.ratio:.2f} of float's time"


def judge(floating: Artifact, quantized: Artifact, recipe: Recipe, threads: int, progress: Progress = silent) -> Judged:
    """Hold a quantized file against its float twin. One that is slower says so from then on, in its facts.

    What a file of static integers leaves in float is looked for; other precisions are not made to leave no float.

    Raises InputError for a file that cannot be run or profiled, WorkError where the process at work on it died.
    """
    verdict = hold_against(quantized, floating, threads, progress)
    islands = verdict.islands(quantized, recipe.floating) if kind_of(recipe).calibrated else ()
    return Judged(marked(quantized, verdict), verdict, islands)
