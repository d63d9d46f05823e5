"""Calibration at 1024x2048: peak memory and time of edgeseg's pass, and ONNX Runtime's stock calibrators beside it.

Three tables, of Fast-SCNN's float files:

1. `edgeseg.quantize` from start to end: peak memory of the process and wall time, images read and prepared included.
2. The pass alone against as many plain float inferences with all tensors as outputs, merely taken: in turns, in blocks
   of the same images, in one process, after a block of warm-up.
3. Peak memory by number of images, beside ONNX Runtime's percentile and entropy calibrators on the same images. A
   process that grows over the cap is ended.

Every measurement is a process of its own.

    python benchmarks/calibration_memory.py --document docs/results.md
    python benchmarks/calibration_memory.py --data cityscapes:PATH
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from common.document import check_markers, replace_between, table
from numpy.typing import NDArray

import edgeseg
from edgeseg import data, runtimes
from edgeseg.bench.times.memory import peak_rss_mib
from edgeseg.core.container import read_facts
from edgeseg.core.protocols import Calibration, Dataset, Recipe
from edgeseg.core.types import Artifact, Size
from edgeseg.data.preprocess import Preprocessor

SCRIPT = "calibration_memory.py"
SIZE = Size(1024, 2048)
METHODS = ("percentile", "mse")
STOCK = ("Percentile", "Entropy")
BLOCK = 4
_POLL_S = 0.1


@dataclass(frozen=True)
class Cycled:
    """As many images as wanted of a dataset that may have fewer."""

    dataset: Dataset
    count: int

    @property
    def name(self) -> str:
        return self.dataset.name

    @property
    def classes(self) -> tuple[str, ...]:
        return self.dataset.classes

    @property
    def palette(self) -> tuple[tuple[int, int, int], ...]:
        return self.dataset.palette

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        return self.dataset[index % len(self.dataset)]

    def __iter__(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        return (self[index] for index in range(self.count))


@dataclass
class InTurns:
    """Batches for a calibration that stops its time, and before each block that of plain inferences on the same."""

    batches: list[NDArray[Any]]
    blocks: int
    plain: Callable[[NDArray[Any]], object]
    ours_s: list[float]
    plain_s: list[float]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        for block in range(self.blocks + 1):
            start = time.perf_counter()
            for batch in self.batches:
                self.plain(batch)
            between = time.perf_counter()
            yield from self.batches
            if block:
                self.plain_s.append(between - start)
                self.ours_s.append(time.perf_counter() - between)


def images(text: str, count: int) -> Cycled:
    return Cycled(data.open_dataset(text, size=SIZE, limit=count), count)


def described(path: Path) -> Artifact:
    facts = read_facts(path)
    assert facts is not None
    return Artifact(path, facts)


def quantize_whole(path: Path, text: str, count: int, method: str) -> None:
    edgeseg.quantize(path, images(text, count), Recipe(method=method))


def quantize_in_turns(path: Path, text: str, count: int, method: str) -> tuple[list[float], list[float]]:
    """Seconds a block: ours, plain."""
    floating = described(path)
    prepare = Preprocessor(floating.facts.input)
    prepared = [prepare(image) for image, _ in images(text, BLOCK)]

    def observe(artifact: Artifact, batches: Any, names: Any) -> Iterator[Iterator[tuple[str, NDArray[Any]]]]:
        with runtimes.open_session(artifact, tensors=True, watch=tuple(names or ())) as session:
            for batch in batches:
                yield session.tensors(batch)

    with runtimes.open_session(floating, tensors=True) as session:
        turns = InTurns(prepared, count // BLOCK, lambda batch: sum(1 for _ in session.tensors(batch)), [], [])
        calibration = Calibration(turns, count, text, observe, lambda what, done, total: None)
        target = path.with_stem("in_turns")
        edgeseg.quantize.quantizer(floating.facts.format)(floating, Recipe(method=method), calibration, target)
    return turns.ours_s, turns.plain_s


def stock(path: Path, text: str, count: int, method: str) -> None:
    """What `onnxruntime.quantization.quantize_static` does to take ranges."""
    from onnxruntime.quantization.calibrate import CalibrationMethod, create_calibrator

    prepare = Preprocessor(described(path).facts.input)
    batches = ({"image": prepare(image)} for image, _ in images(text, count))
    augmented = str(path.with_stem("augmented"))
    calibrator = create_calibrator(path, None, augmented, CalibrationMethod[method])
    calibrator.collect_data(_Reader(batches))
    calibrator.compute_data()


class _Reader:
    """ONNX Runtime's CalibrationDataReader."""

    def __init__(self, feeds: Iterator[dict[str, NDArray[Any]]]) -> None:
        self._feeds = feeds

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        return next(self._feeds, None)


@dataclass(frozen=True)
class Measured:
    """`answer` is what was run, `peak_gib` of None a process that was ended at the cap."""

    peak_gib: float | None
    wall_s: float
    answer: Any = None

    @property
    def peak(self) -> str:
        return "over the cap" if self.peak_gib is None else f"{self.peak_gib:.2f}"


def apart(cap_gib: float, task: Callable[..., Any], *given: Any) -> Measured:
    """Run a task in a fresh process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_report, args=(theirs, task, given))
    start = time.perf_counter()
    process.start()
    theirs.close()
    try:
        while not ours.poll(_POLL_S):
            if _resident_gib(process.pid) > cap_gib:
                return Measured(None, time.perf_counter() - start)
        answer, peak_gib = ours.recv()
        return Measured(peak_gib, time.perf_counter() - start, answer)
    except EOFError:
        sys.exit(f"{task.__name__} {given}: its process ended without a result")
    finally:
        process.kill()
        process.join()


def _report(pipe: Connection, task: Callable[..., Any], given: tuple[Any, ...]) -> None:
    answer = task(*given)
    pipe.send((answer, (peak_rss_mib() or 0) / 2**10))


def _resident_gib(process: int | None) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**30


def whole_table(paths: list[Path], text: str, count: int, cap_gib: float) -> list[str]:
    rows = []
    for path in paths:
        for method in METHODS:
            found = apart(cap_gib, quantize_whole, path, text, count, method)
            rows.append(said(path.suffix[1:], method, str(count), found.peak, f"{found.wall_s:.0f}"))
    return table(("file", "method", "images", "peak memory, GiB", "wall, s"), rows)


def ratio_table(paths: list[Path], text: str, count: int, cap_gib: float) -> list[str]:
    rows = []
    for path in paths:
        for method in METHODS:
            found = apart(cap_gib, quantize_in_turns, path, text, count, method)
            ours, plain = map(np.array, found.answer)
            ratios = ours / plain
            means = [f"{1e3 * each.mean() / BLOCK:.0f}" for each in (plain, ours)]
            spread = f"{ratios.min():.2f} to {ratios.max():.2f}"
            rows.append(said(path.suffix[1:], method, str(count), *means, f"{ours.sum() / plain.sum():.2f}", spread))
    header = ("file", "method", "images", "plain, ms an image", "calibration, ms an image", "ratio", "ratio of blocks")
    return table(header, rows)


def growth_table(path: Path, text: str, counts: list[int], cap_gib: float) -> list[str]:
    over: set[str] = set()
    rows = []
    for count in counts:
        peaks = [apart(cap_gib, quantize_whole, path, text, count, "percentile").peak]
        for method in STOCK:
            found = Measured(None, 0) if method in over else apart(cap_gib, stock, path, text, count, method)
            over |= {method} if found.peak_gib is None else set()
            peaks.append(found.peak)
        rows.append(said(str(count), *peaks))
    return table(("images", "edgeseg percentile", "ONNX Runtime percentile", "ONNX Runtime entropy"), rows)


def said(*cells: str) -> tuple[str, ...]:
    """A row, told as soon as it is known."""
    print(*cells, file=sys.stderr, flush=True)
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="scenes")
    parser.add_argument("--images", type=int, default=128, help="of the first table")
    parser.add_argument("--timed", type=int, default=32, help=f"images of the second table, in blocks of {BLOCK}")
    parser.add_argument("--stock", type=int, nargs="*", default=[1, 2, 4, 8], help="numbers of the third table")
    parser.add_argument("--cap", type=float, default=10.0, help="GiB that a process may use")
    parser.add_argument("--document", type=Path, help="a document with markers, to put the tables in")
    options = parser.parse_args()
    if options.document:
        check_markers(options.document, SCRIPT)
    with tempfile.TemporaryDirectory() as folder:
        paths = [edgeseg.export("fastscnn", to, size=SIZE, folder=Path(folder)).path for to in ("onnx", "tflite")]
        lines = [
            *("The whole of `edgeseg quantize`:", "", *whole_table(paths, options.data, options.images, options.cap)),
            *(
                "",
                "Calibration alone, in turns with plain float inferences with all tensors as outputs:",
            ),
            *("", *ratio_table(paths, options.data, options.timed, options.cap)),
            *("", f"Peak memory in GiB by number of images; the cap is {options.cap:g}:"),
            *("", *growth_table(paths[0], options.data, options.stock, options.cap)),
        ]
    print("\n".join(lines))
    if options.document:
        replace_between(options.document, SCRIPT, lines)


if __name__ == "__main__":
    main()
