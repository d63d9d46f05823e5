"""How much noise each layer's int8 form alone puts on the scores, and what of that was found before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeseg import quantize as room
from edgeseg import runtimes
from edgeseg.bench.profiles.layers import Layer, cost_ms, layers_of
from edgeseg.bench.times.environment import library_versions
from edgeseg.core.cpu import cpu_model
from edgeseg.core.errors import InputError
from edgeseg.core.files import atomic_write, temporary_folder
from edgeseg.core.protocols import Dataset, Progress
from edgeseg.core.types import Artifact
from edgeseg.data.stamp import stamp
from edgeseg.graphs import read_graph
from edgeseg.pipeline.files.pinning import pinned
from edgeseg.pipeline.images import Batches, open_calibration
from edgeseg.pipeline.worth.again import Again
from edgeseg.pipeline.worth.verdict import Verdict
from edgeseg.quantize.finished.operators import WEIGHTED

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Known", "images_stamp", "measure_layers", "noise", "scores_of"]

_SCHEMA = 4
_IMAGES = 4
"""Of those for calibration, that the noise of a layer is measured on."""


@dataclass
class Known:
    """What was found of a float file quantized in one way: its layers, and what was measured of the float file and of
    files that leave so much in float, by the name of each.

    `key` is what that depends on. Kept as JSON at `path`.
    """

    path: Path
    key: dict[str, Any]
    layers: tuple[Layer, ...] = ()
    found: dict[str, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> Known:
        """What is kept at `path`, whatever it is about, or nothing. InputError where it can't be read."""
        if not path.exists():
            return cls(path, {})
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values["key"]["schema"] != _SCHEMA:
                return cls(path, {})
            layers = tuple(Layer(tuple(each["tensors"]), each["noise"], each["cost_ms"]) for each in values["layers"])
            return cls(path, dict(values["key"]), layers, dict(values["found"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: cannot be read to go on from; delete it to measure anew") from error

    def about(self, again: Again, whole: Artifact, threads: int) -> Known:
        """What of that is known of a float file of which `whole` is the int8 file with no layer left in float."""
        key = _key(again, whole, threads)
        if self.key == (key if key["images"] else {**key, "images": self.key.get("images")}):
            return replace(self, key=key)
        return Known(self.path, key)

    def save(self) -> None:
        """Write all that is known."""
        layers = [vars(layer) for layer in self.layers]
        values = {"key": self.key, "layers": layers, "found": self.found}
        atomic_write(self.path, json.dumps(values, indent=1) + "\n")


def measure_layers(again: Again, verdict: Verdict, threads: int, progress: Progress) -> tuple[Layer, ...]:
    """Quantize each layer alone, all others left in float, and compare the scores with the float file's.

    Noise of one layer at a time adds up to that of all as long as it is small, and unlike the difference that a layer
    makes to the whole it is no difference of large numbers.
    """
    source = again.source
    with temporary_folder() as folder:
        prepared, path = (folder / f"{name}{source.path.suffix}" for name in ("prepared", "one"))
        with pinned(source) as fixed:
            room.write_prepared(fixed, again.recipe, prepared)
        nodes = layers_of(read_graph(prepared), WEIGHTED)
        names = [tuple(node.outputs[0].name for node in layer) for layer in nodes]
        expected = list(scores_of(source, again, threads))
        found = []
        for index, layer in enumerate(nodes):
            progress("layers", index, len(nodes))
            others = [name for other in (*names[:index], *names[index + 1 :]) for name in other]
            one, _ = again(others, path, verified=False)
            cost = cost_ms(layer, verdict.profile, verdict.other_profile)
            found.append(Layer(names[index], noise(expected, scores_of(one, again, threads)), cost))
        progress("layers", len(nodes), len(nodes))
    return tuple(found)


def scores_of(artifact: Artifact, again: Again, threads: int, images: int = _IMAGES) -> Iterator[NDArray[Any]]:
    """Channels last, of the first so many of the images for calibration."""
    facts = artifact.facts
    dataset = _samples(again)
    first = facts.output.layout == "NCHW" and facts.output.head != "classmap"
    with runtimes.open_session(artifact, threads=threads) as session:
        for batch in islice(Batches(dataset, facts.input), images):
            scores = session(batch)
            yield scores.transpose(0, 2, 3, 1) if first else scores


def _key(again: Again, whole: Artifact, threads: int) -> dict[str, Any]:
    """All that what is measured depends on. The int8 file has the float file, the ranges and the target in it."""
    samples = again.samples if isinstance(again.samples, str) else again.samples.name
    return {
        "schema": _SCHEMA,
        "int8_sha256": whole.sha256,
        "recipe": json.loads(json.dumps(vars(again.recipe))),
        "images": images_stamp(again),
        "samples": f"{again.count} of {samples}",
        "split": again.split,
        "threads": threads,
        "cpu_model": cpu_model(),
        "libraries": library_versions(),
    }


def images_stamp(again: Again) -> str | None:
    """Of those for calibration; None where those of a kept one are gone, and nothing says that they were others."""
    try:
        return stamp(_samples(again))
    except InputError:
        return None


def _samples(again: Again) -> Dataset:
    if isinstance(again.samples, str):
        return open_calibration(again.samples, again.split, again.source.facts.input.size, again.count)
    return again.samples


def noise(expected: Iterable[NDArray[Any]], given: Iterable[NDArray[Any]]) -> float:
    """Mean square error over variance, where the first are numbers; of class maps the share of other classes.

    Infinite where others are no numbers.
    """
    errors, variances = list[float](), list[float]()
    for one, other in zip(expected, given, strict=True):
        if one.dtype.kind == "f":
            known = np.isfinite(one)  # A logarithm of softmax may not be.
            error = np.square(one[known] - other[known], dtype=np.float64).mean()
            errors.append(error if np.isfinite(error) else np.inf)
            variances.append(np.var(one[known], dtype=np.float64))
        else:
            errors.append(np.mean(one != other))
            variances.append(1.0)
    return float(np.mean(errors) / (np.mean(variances) or 1))
