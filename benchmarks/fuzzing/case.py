"""A process that takes random networks through export, int8 quantization and the runtime.

    python -m fuzzing.case SEED:FORMAT ...

It writes one outcome as a line of JSON after each case; after a crash of the runtime the line is missing.
"""

from __future__ import annotations

import json
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from math import log10
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from edgeseg import pipeline, runtimes
from edgeseg.core.errors import EdgesegError
from edgeseg.core.protocols import Keep, Recipe
from edgeseg.core.types import Artifact, Format, Model
from edgeseg.data.preprocess import Preprocessor
from fuzzing.images import scenes
from fuzzing.networks import draw_case
from fuzzing.outcome import LEAST_DB, Outcome

__all__ = ["run_case"]

MARGIN_DB = 3.0
"""On the calibration images, since it is other images that noise is measured on."""


def run_case(seed: int, target: Format, folder: Path) -> Outcome:
    """Export, quantize and compare the network of a seed; its files are left in `folder`."""
    case = draw_case(seed)
    name = f"fuzz{seed}"
    classes = tuple(f"class_{i}" for i in range(case.classes))
    model = Model(name, "torch", case.network, classes, size=case.size)
    try:
        floating = pipeline.export(model, target, case.size, case.head, folder / f"{name}.{target}")
        path = folder / f"{name}_int8.{target}"
        found = sqnr_db(floating, pipeline.quantize(floating, scenes("train", case.size), path=path))
        if found >= LEAST_DB:
            return Outcome(seed, target, "int8", found)
        return Outcome(seed, target, "mixed", sqnr_db(floating, mixed(floating, path)))
    except EdgesegError as error:
        return Outcome(seed, target, "refused", reason=f"{type(error).__name__}: {error}")
    except Exception as error:
        traceback.print_exc()
        return Outcome(seed, target, "failed", reason=f"{type(error).__name__}: {error}")


def mixed(floating: Artifact, path: Path) -> Artifact:
    """The file with as many layers in float as it takes on the calibration images; QuantizeError where none suffice."""
    keep = Keep(path.with_suffix(".npz"), add=True)
    again = pipeline.Again(floating, scenes("train", floating.facts.input.size), Recipe(), keep=keep)
    budget = pipeline.Budget(None, "scenes", min_sqnr_db=LEAST_DB + MARGIN_DB)
    mixture = pipeline.mix(again, budget, path.with_suffix(".json"), threads=1)
    return again(mixture.floating, path)[0]


def sqnr_db(floating: Artifact, integer: Artifact) -> float:
    """Signal to noise of an int8 file's scores, in dB: 10 log10(sum f^2 / sum (f - q)^2) over all images."""
    signal = noise = 0.0
    with ExitStack() as opened:
        sessions = [opened.enter_context(runtimes.open_session(file, threads=1)) for file in (floating, integer)]
        for expected, actual in zip(*map(scores, sessions), strict=True):
            signal += float(np.square(expected, dtype=np.float64).sum())
            noise += float(np.square(expected - actual, dtype=np.float64).sum())
    return 10 * log10(signal / max(noise, signal * 1e-12))


def scores(session: Any) -> Iterator[NDArray[Any]]:
    """Of each image, (N, H, W, classes)."""
    facts = session.facts
    prepare = Preprocessor(facts.input)
    for image, _ in scenes("val", facts.input.size):
        values = session(prepare(image))
        yield values.transpose(0, 2, 3, 1) if facts.output.layout == "NCHW" else values


def main() -> None:
    torch.set_num_threads(1)
    for given in sys.argv[1:]:
        seed, _, target = given.partition(":")
        with tempfile.TemporaryDirectory() as folder:
            outcome = run_case(int(seed), cast(Format, target), Path(folder))
        print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    main()
