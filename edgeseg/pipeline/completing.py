"""What a float file does not say about itself, but a file that was made of it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgeseg.core.container import read_facts
from edgeseg.core.errors import InputError
from edgeseg.core.source import Source
from edgeseg.core.types import Facts
from edgeseg.pipeline.made_of import digest
from edgeseg.pipeline.sources import is_file

__all__ = ["completed"]


def completed(sources: Sequence[Source]) -> list[Source]:
    """Of a file without facts, what the user leaves out is as it was when another of these was made of it."""
    found = [_facts(source) for source in sources]
    made = {facts.parent_sha256: facts for facts in found if facts and facts.parent_sha256}
    return [
        _like(source, made.get(digest(source))) if made and facts is None and is_file(source.target) else source
        for source, facts in zip(sources, found, strict=True)
    ]


def _facts(source: Source) -> Facts | None:
    """None for a file that cannot be read too, which is told where it is measured."""
    try:
        return read_facts(Path(source.target)) if is_file(source.target) else None
    except InputError:
        return None


def _like(source: Source, made: Facts | None) -> Source:
    if made is None:
        return source
    if made.output.head == "scores" and made.output.size != made.input.size and source.align_corners is None:
        source = replace(source, align_corners=made.output.align_corners)
    if made.input.dtype == "uint8" and made.input.scale is None:  # Mean and std are folded into its weights.
        return source
    given = source.normalized(made.input.normalization)
    return replace(source, mean=given.mean, std=given.std, channels=given.order)
