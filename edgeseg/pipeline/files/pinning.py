"""Files that leave their input size open, made for one size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edgeseg.core.container import write_facts
from edgeseg.core.errors import told_of
from edgeseg.core.files import temporary_folder
from edgeseg.core.types import Artifact
from edgeseg.graphs import read_graph, write_pinned

__all__ = ["pinned"]


@contextmanager
def pinned(source: Artifact) -> Iterator[Artifact]:
    """The file where it has a fixed input, else a copy, of the same name, for the input that its facts declare."""
    if min(read_graph(source.path).inputs[0].shape) > 0:
        yield source
        return
    with temporary_folder() as folder:
        copy = Artifact(folder / source.path.name, source.facts)
        write_pinned(source.path, source.facts.input.shape, copy.path)
        write_facts(copy.path, source.facts)
        with told_of(source.path, copy.path):
            yield copy
