"""What each pass before quantization bought: the file is quantized again without it, and both run in turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from edgeseg.bench.profiles.ablation import Ablated
from edgeseg.bench.times.latency import EFFORTS
from edgeseg.core.errors import EdgesegError, first_line
from edgeseg.core.files import temporary_folder
from edgeseg.core.protocols import Keep, Progress
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact
from edgeseg.pipeline.answers import Answers
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.timing import take_times
from edgeseg.pipeline.silence import silent
from edgeseg.pipeline.worth.again import Again
from edgeseg.pipeline.worth.sensitivity import noise, scores_of
from edgeseg.quantize.finished.report import Report
from edgeseg.quantize.passes import LEARNED_ROUNDING, OF_WEIGHTS, applied_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ablate"]


def ablate(
    again: Again, quantized: Artifact, report: Report, known: Path, threads: int, progress: Progress = silent
) -> tuple[Ablated, ...]:
    """Leave out each pass that applied, alone, and compare with the file that was made with all of them.

    Ranges are taken anew where a pass changed the graph. A file that cannot be made without a pass is a row that says
    so: then that is what the pass bought.

    Args:
        again: How the file was quantized.
        quantized: The file.
        report: What it holds in int8.
        known: File that keeps what is found until all is, so that a run that ended early can be gone on with.
        threads: To measure with.
        progress: Told how far it is.

    Returns the file with all passes first, then the passes in the order in which they are made.

    Raises InputError where the file with all passes cannot be run.
    """
    names, answers = applied_in(quantized.facts.recipe or ""), Answers(known)
    sha256 = quantized.sha256  # It says which float file and images it was made of.
    expected = list(scores_of(again.source, again, threads))
    rows = [Ablated("", noise(expected, scores_of(quantized, again, threads)), 1.0, report.int8_percent)]
    for index, name in enumerate(names):
        progress("passes", index, len(names))
        asked = {"int8_sha256": sha256, "recipe": asdict(again.recipe), "threads": threads, "without": name}
        answer = answers.get(asked)
        row = Ablated(**answer) if answer else _without(name, again, quantized, expected, threads)
        if not row.failure:
            answers.put(asked, asdict(row))
        rows.append(row)
    progress("passes", len(names), len(names))
    answers.remove()
    return tuple(rows)


def _without(name: str, again: Again, quantized: Artifact, expected: Sequence[NDArray[Any]], threads: int) -> Ablated:
    with temporary_folder() as folder:
        if name == LEARNED_ROUNDING:
            recipe = replace(again.recipe, learned_rounding=False)
        else:
            recipe = replace(again.recipe, without=(*again.recipe.without, name))
        same_graph = name in (*OF_WEIGHTS, LEARNED_ROUNDING)
        keep = again.keep if same_graph else Keep(folder / "seen.npz", add=True, lasting=False)
        try:
            other, report = replace(again, recipe=recipe, keep=keep)((), folder / quantized.path.name)
            loss = noise(expected, scores_of(other, again, threads))
            return Ablated(name, loss, _time_ratio(other, quantized, threads), report.int8_percent)
        except EdgesegError as error:
            return Ablated(name, failure=first_line(error))


def _time_ratio(one: Artifact, other: Artifact, threads: int) -> float:
    """Median time of a file over that of another, measured in turns."""
    jobs = [Job(Source(str(each.path)), threads=threads, latency=EFFORTS["quick"]) for each in (one, other)]
    medians = []
    for times in take_times(jobs, silent):
        if isinstance(times, EdgesegError):
            raise times
        medians.append(median(times.network.ms))
    return medians[0] / medians[1]
