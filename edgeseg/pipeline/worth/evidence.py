"""Operators left in float because profiles and a contest say that int8 does not pay for them here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from edgeseg.bench.profiles.losses import Loss, find_losses
from edgeseg.core.errors import QuantizeError
from edgeseg.core.files import temporary_folder
from edgeseg.core.graph import Graph
from edgeseg.core.protocols import Progress
from edgeseg.core.types import Artifact
from edgeseg.graphs import read_graph
from edgeseg.pipeline.silence import silent
from edgeseg.pipeline.worth.again import Again
from edgeseg.pipeline.worth.verdict import Verdict, hold_against

__all__ = ["Evidence", "leave_slow"]

_ROUNDS = 3
_LEAST_GAIN = 0.01
"""Of a run's time, that a change must promise to be tried."""


@dataclass(frozen=True)
class Evidence:
    """The operators to leave in float, the file's time with them over that without, and how many sets were tried."""

    floating: tuple[str, ...]
    ratio: float
    tried: int


def leave_slow(
    again: Again, quantized: Artifact, verdict: Verdict, threads: int, progress: Progress = silent
) -> Evidence:
    """Find the operators for which int8 does not pay, and keep in float those that make the file faster so.

    What is found depends on the machine, and near the limit on chance; `Recipe.floating` with what was found makes the
    same file everywhere. All operators that promise a gain are tried together; where that is no faster, those of the
    greatest gain are tried alone from then on.

    Args:
        again: How the file was quantized.
        quantized: The file, which stays as it is.
        verdict: Of the file and its float twin.
        threads: To measure with.
        progress: Told how far it is.
    """
    float_graph = read_graph(again.source.path)
    left: tuple[str, ...] = ()
    best, ratio, tried = quantized, 1.0, 0
    together, failed = True, set[str]()
    with temporary_folder() as folder:
        while tried < _ROUNDS and (losses := _hopeful(verdict, read_graph(best.path), float_graph, failed)):
            chosen = losses if together else losses[:1]
            names = tuple(name for loss in chosen for name in loss.tensors)
            floating = tuple(dict.fromkeys((*left, *names)))
            tried += 1
            mixed = _mixed(again, floating, folder / f"{tried}{quantized.path.suffix}", progress)
            found = hold_against(mixed, best, threads, progress) if mixed else None
            if mixed and found and found.contest.is_faster:
                best, left, ratio = mixed, floating, ratio * found.contest.ratio
                verdict = replace(verdict, profile=found.profile)
            elif len(chosen) > 1:
                together = False
            else:
                failed.update(names)
    return Evidence(left, ratio, tried)


def _hopeful(verdict: Verdict, graph: Graph, float_graph: Graph, failed: set[str]) -> list[Loss]:
    """What has not failed yet, the greatest gain first; nothing where all of it together promises too little."""
    found = find_losses(verdict.profile, verdict.other_profile, graph, float_graph)
    losses = [loss for loss in found if not failed.issuperset(loss.tensors)]
    promised_ms = sum(loss.gain_ms for loss in losses)
    return losses if promised_ms >= _LEAST_GAIN * verdict.profile.run_ms else []


def _mixed(again: Again, floating: tuple[str, ...], path: Path, progress: Progress) -> Artifact | None:
    """The file with these operators in float; None where it is then not what the recipe asks for, as at its ends."""
    try:
        return again(floating, path, progress)[0]
    except QuantizeError:
        return None
