"""Making the files that are compared, ours and a peer's. Every function writes to the path that comes last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

import edgeseg
from edgeseg import data, models, runtimes
from edgeseg.core.container import read_facts
from edgeseg.core.errors import InputError
from edgeseg.core.files import atomic_path
from edgeseg.core.types import Artifact, Facts, Format, InputFacts, Size
from edgeseg.data.preprocess import Preprocessor

__all__ = ["Images", "described", "facts_of", "our_float", "our_int8", "peer_float", "peer_int8"]


@dataclass(frozen=True)
class Images:
    """The first so many images that a dataset has for calibration, as in edgeseg's --data and --samples."""

    data: str
    count: int

    def batches(self, facts: InputFacts) -> Iterator[NDArray[Any]]:
        declared = data.declarations()[self.data.partition(":")[0]]
        dataset = data.open_dataset(self.data, split=declared.calibration_split, size=facts.size, limit=self.count)
        return map(Preprocessor(facts), (image for image, _ in dataset))


def our_float(network: str, weights: Path | None, target: Format, size: Size | None, path: Path) -> None:
    edgeseg.export(models.load(network, weights=weights, size=size), target, path=path)


def our_int8(source: Path, images: Images, path: Path) -> None:
    edgeseg.quantize(source, images.data, path=path, count=images.count)


def peer_float(peer: str, network: str, like: Path, path: Path) -> None:
    """The logits of the network that our float file `like` was made of; the file is run once."""
    facts = facts_of(like)
    model = models.load(network, size=facts.input.size)
    with atomic_path(path) as temporary:
        import_module(f"peers.{peer}").export(model, facts.input.size, temporary)
        described(temporary, facts)


def peer_int8(peer: str, source: Path, like: Path, images: Images, path: Path) -> None:
    """From a float file, which has the normalization and classes of our file `like`; the file is run once."""
    facts = facts_of(like)
    with atomic_path(path) as temporary:
        batches = images.batches(described(source, facts).facts.input)
        import_module(f"peers.{peer}").quantize(source, batches, temporary)
        described(temporary, facts)


def described(path: Path, like: Facts) -> Artifact:
    """A peer's file of a network whose facts are known; the input is prepared in the integers that it takes."""
    facts = runtimes.describe(path, normalization=like.input.normalization, classes=like.classes)
    if facts.output.head == "scores":
        facts = replace(facts, output=replace(facts.output, align_corners=like.output.align_corners))
    runtime = import_module(f"edgeseg.runtimes.{runtimes.for_format(facts.format)}")
    port = runtime.signature(path).inputs[0]
    if port.quantization:
        given = port.quantization
        image = replace(facts.input, dtype=port.dtype, scale=given.scale, zero_point=given.zero_point)
        facts = replace(facts, input=image)
    return Artifact(path, facts)


def facts_of(path: Path) -> Facts:
    """Of a file that edgeseg wrote."""
    facts = read_facts(path)
    if facts is None:
        raise InputError(f"{path}: not a file that edgeseg wrote; remove it to have it made")
    return facts
