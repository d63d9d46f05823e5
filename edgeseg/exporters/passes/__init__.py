"""Rewrites of a traced network to the same function in operators that a format has. One a file, found by its name.

A rewrite's file declares FORMATS, those it is for, and has the verb `rewrite(graph) -> int`, which changes a graph of
torch.export in place and returns at how many places. The function stays equal within 1e-6, whatever the weights. A
rewrite leaves a graph alone in which there is nothing to do, and names nothing of another one, but that
`lone_batch_norm` asks `batch_norm` what it folds.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from torch import fx

from edgeseg.core.types import Format

__all__ = ["copied", "rewrites", "rewritten"]


def rewrites(target: Format) -> Iterator[ModuleType]:
    """The rewrites for a format, in the order of their names."""
    for found in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        module = importlib.import_module(f"{__name__}.{found.name}")
        if target in getattr(module, "FORMATS", ()):
            yield module


def rewritten(network: fx.GraphModule, target: Format) -> fx.GraphModule:
    """A copy of a traced network with every rewrite for a format applied. Weights are shared."""
    graph = copied(network)
    for module in rewrites(target):
        module.rewrite(graph)
    graph.graph.eliminate_dead_code()
    graph.graph.lint()
    graph.recompile()
    return graph


def copied(network: fx.GraphModule) -> fx.GraphModule:
    """A traced network with a graph of its own and the same weights."""
    graph = fx.Graph()
    graph.output(graph.graph_copy(network.graph, {}))
    graph.set_codegen(network.graph._codegen)
    return fx.GraphModule(network, graph)
