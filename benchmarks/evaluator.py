"""The evaluator: how fast pixels are counted, and what reading images ahead saves.

Counted are a scene's labels at 1024x2048 against the same moved by three pixels, one call of `ConfusionMatrix.update`
an image, in processor time of the one thread. Evaluated is Fast-SCNN at 512x1024 in ONNX Runtime on one thread, over
PNG files of 1024x2048, with and without the thread that reads ahead, in turns.

    python benchmarks/evaluator.py
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

import edgeseg
from edgeseg import data, runtimes
from edgeseg.bench.accuracy import histogram_numba, miou
from edgeseg.bench.accuracy.miou import ConfusionMatrix
from edgeseg.core.ahead import ahead
from edgeseg.core.protocols import IGNORE, Dataset, Session
from edgeseg.core.resize import resize_nearest
from edgeseg.core.types import Size
from edgeseg.data.preprocess import Preprocessor
from edgeseg.data.write import write_cityscapes
from edgeseg.pipeline.silence import silent

IMAGE, INPUT = Size(1024, 2048), Size(512, 1024)


def counting(rounds: int) -> None:
    """Print Mpixel/s of both kernels."""
    _, label = data.open_dataset("scenes", size=IMAGE, limit=1)[0]
    prediction = np.roll(np.where(label == IGNORE, 0, label).astype(np.uint8), 3, axis=1)
    for name, kernel in (("numba", histogram_numba.joint_histogram), ("numpy", miou.joint_histogram)):
        matrix, seconds = ConfusionMatrix(19), []
        with mock.patch("edgeseg.bench.accuracy.miou._fastest_histogram", return_value=kernel):
            for _ in range(rounds):
                start = thread_time()
                matrix.update(label, prediction)
                seconds.append(thread_time() - start)
        median, best = (label.size / time / 1e6 for time in (float(np.median(seconds)), min(seconds)))
        print(f"counting, {name}: {median:.0f} Mpixel/s, best {best:.0f}")


def at_once(items: Iterable[Any], count: int = 2) -> Iterable[Any]:
    """In the place of reading ahead."""
    return items


def evaluating(session: Session, dataset: Dataset) -> float:
    """Seconds an image."""
    prepare = Preprocessor(session.facts.input)

    def classmap(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        first: NDArray[np.uint8] = session.classmap(prepare(image))[0]
        return first

    start = perf_counter()
    miou.evaluate(classmap, dataset, 19, resize_label=resize_nearest)
    return (perf_counter() - start) / len(dataset)


def main() -> None:
    """Print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--images", type=int, default=8)
    options = parser.parse_args()
    counting(options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        scenes = data.open_dataset("scenes", size=IMAGE, limit=options.images)
        write_cityscapes(scenes, Path(folder) / "city", "val", silent)
        dataset = data.open_dataset(f"cityscapes:{folder}/city", size=INPUT)
        artifact = edgeseg.export("fastscnn", "onnx", INPUT, folder=Path(folder))
        times: dict[str, list[float]] = {"one after the other": [], "reading ahead": []}
        with runtimes.open_session(artifact, threads=1) as session:
            for _ in range(max(2, options.rounds // 4)):
                for name, read in zip(times, (at_once, ahead), strict=True):
                    with mock.patch("edgeseg.bench.accuracy.miou.ahead", read):
                        times[name].append(evaluating(session, dataset))
    for name, seconds in times.items():
        print(f"evaluating, {name}: {1000 * float(np.median(seconds)):.0f} ms an image")
    apart, together = map(np.array, times.values())
    print(f"ratio of a round's two: {float(np.median(apart / together)):.2f}")


if __name__ == "__main__":
    main()
