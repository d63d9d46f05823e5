"""Parameters and MAdds of a finished file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgeseg.bench.madds import count_madds
from edgeseg.core.types import Facts
from edgeseg.graphs import read_graph

__all__ = ["counted"]


def counted(facts: Facts, path: Path) -> Facts:
    """The facts with the counts that they lack read off the file's graph.

    Raises MissingDependency where the package that reads the format is not installed, MeasureError for an operator
    that cannot be counted.
    """
    if facts.params is not None and facts.madds is not None:
        return facts
    graph = read_graph(path)
    params = graph.params if facts.params is None else facts.params
    return replace(facts, params=params, madds=count_madds(graph) if facts.madds is None else facts.madds)
