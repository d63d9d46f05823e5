"""What the passes that change weights buy: int8 files with all of them and with each left out, beside the float file.

SQNR is 10 * log10(sum s^2 / sum (s - q)^2) over the scores s of the float file and q of the int8 one. Both it and mIoU
are taken on images that calibration has not seen.

    edgeseg export cgnet --weights cgnet_crop-1024_800epoch.pth --to onnx --to tflite --out floats
    python benchmarks/passes.py cityscapes:PATH floats/*_fp32.*
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import edgeseg
from edgeseg import data, runtimes
from edgeseg.bench.accuracy.miou import ConfusionMatrix
from edgeseg.core.container import read_facts
from edgeseg.core.protocols import Dataset, Recipe
from edgeseg.core.types import Artifact
from edgeseg.data.preprocess import Preprocessor

WITHOUT = ((), ("equalization",), ("bias-correction",), ("equalization", "bias-correction"))


@dataclass(frozen=True)
class Result:
    """Scores of every image, channels first, and the mIoU that they come to."""

    scores: list[NDArray[np.float32]]
    miou_percent: float


def run(artifact: Artifact, dataset: Dataset, threads: int) -> Result:
    """Every image through a file."""
    prepare, scores = Preprocessor(artifact.facts.input), []
    confusion = ConfusionMatrix(len(dataset.classes))
    with runtimes.open_session(artifact, threads=threads) as session:
        for image, label in dataset:
            batch = prepare(image)
            confusion.update(label, session.classmap(batch)[0])
            scores.append(np.moveaxis(session(batch), -1 if artifact.facts.output.layout == "NHWC" else 1, 1))
    return Result(scores, confusion.miou_percent() or 0.0)


def sqnr_db(signal: list[Any], other: list[Any]) -> float:
    """Over all images together."""
    power = sum(float(np.square(s, dtype=np.float64).sum()) for s in signal)
    noise = sum(float(np.square(s - q, dtype=np.float64).sum()) for s, q in zip(signal, other, strict=True))
    return float(10 * np.log10(power / noise))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="the images, as in edgeseg's --data")
    parser.add_argument("files", type=Path, nargs="+", help="float files of edgeseg")
    parser.add_argument("--samples", type=int, default=40, help="calibration images")
    parser.add_argument("--images", type=int, default=20, help="images of the evaluation split to score on")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    print("| file | float mIoU % | left out | mIoU change in int8 | SQNR dB |\n| --- | --- | --- | --- | --- |")
    for path in options.files:
        facts = read_facts(path)
        if facts is None:
            parser.error(f"{path}: not a file that edgeseg wrote")
        source = Artifact(path, facts)
        dataset = data.open_dataset(options.data, size=facts.input.size, limit=options.images)
        reference = run(source, dataset, options.threads)
        for without in WITHOUT:
            with tempfile.TemporaryDirectory() as folder:
                target = Path(folder) / f"int8{path.suffix}"
                recipe = Recipe(without=without)
                int8 = edgeseg.quantize(source, options.data, recipe, target, count=options.samples)
                result = run(int8, dataset, options.threads)
            cells = (
                path.stem.removesuffix("_fp32") + path.suffix,
                f"{reference.miou_percent:.2f}",
                " and ".join(without) or "nothing",
                f"{result.miou_percent - reference.miou_percent:+.2f}",
                f"{sqnr_db(reference.scores, result.scores):.2f}",
            )
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
