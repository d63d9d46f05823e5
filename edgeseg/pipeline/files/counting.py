"""Parameters and MAdds of a finished file."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from edgeseg import runtimes
from edgeseg.bench.profiles.madds import count_madds
from edgeseg.core.errors import MeasureError, MissingDependency
from edgeseg.core.types import Artifact, Facts
from edgeseg.graphs import read_graph
from edgeseg.pipeline.files.pinning import pinned

__all__ = ["counted", "recounted"]


def counted(facts: Facts, source: Artifact) -> Facts:
    """The facts with the counts that they lack read off an artifact's graph, or with a note why one is missing."""
    if facts.params is not None and facts.madds is not None:
        return facts
    try:
        graph = read_graph(source.path)
        if min(graph.inputs[0].shape) < 1:
            with pinned(source) as fixed:
                graph = read_graph(fixed.path)
        facts = replace(facts, params=graph.params if facts.params is None else facts.params)
        return replace(facts, madds=count_madds(graph) if facts.madds is None else facts.madds)
    except (MissingDependency, MeasureError) as reason:
        what = "MAdds" if facts.params is not None else "MAdds and parameters"
        return replace(facts, notes=(*facts.notes, f"{what} not counted: {reason}"))


def recounted(facts: Facts, source: Artifact) -> Facts:
    """The facts of a float file with the precision and MAdds that its graph has, since other tools keep its facts.

    What is quantized has its float file's MAdds, since kernels may have been padded.
    """
    if facts.precision != "fp32":
        return counted(facts, source)
    with suppress(MissingDependency):
        facts = replace(facts, precision=runtimes.precision_of(source.path))
    found = counted(replace(facts, madds=None), source)
    return facts if found.madds is None and facts.madds is not None else found
