"""How often `edgeseg gate` is right about Fast-SCNN in int8 at 256x512, with a neighbour busy on the other core.

The file is held against itself, against one that is truly 5 % slower and against one that is truly 2 % slower: the same
network with extra convolutions beside it, as many as it takes. How much slower each is, is measured long and apart, by
one long race. The neighbour multiplies matrices for spells of random length. A false alarm is a regression called of a
file against itself; the interval is the one that a gate prints, which is to hold the true ratio.

    python benchmarks/gate_power.py --keep found                      # hours: 200, 100 and 100 gates of 15 s
    python benchmarks/gate_power.py --same 10 --slower 10 --less 5    # minutes

With `--keep` the same command goes on where it ended.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import edgeseg
from edgeseg.bench.gates.gate import GateOptions
from edgeseg.core.source import Source
from edgeseg.pipeline.answers import Answers
from edgeseg.pipeline.gates.gating import race_files
from edgeseg.pipeline.job import Job

CHANNELS = 8

NEAR_POINTS = 0.2
"""Of the slowdown asked for, how far the true one may lie from it before the extra work is scaled anew."""


def slowed(path: Path, units: int, target: Path) -> Path:
    """The same network with so many small convolutions beside it, which nothing can leave out or work out before."""
    model = onnx.load(path)
    constants = {
        "extra_zero": np.zeros(1, np.int64),
        "extra_one": np.ones(1, np.int64),
        "extra_kernel": np.full((CHANNELS, CHANNELS, 3, 3), 0.01, np.float32),
        "extra_maps": np.ones((1, CHANNELS, 12, 12), np.float32),
    }
    nodes = [
        helper.make_node("Slice", [model.graph.input[0].name, "extra_zero", "extra_one", "extra_one"], ["extra_slice"]),
        helper.make_node("Cast", ["extra_slice"], ["extra_float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["extra_float"], ["extra_scalar"], keepdims=0),
        helper.make_node("Mul", ["extra_maps", "extra_scalar"], ["extra0"]),
        *(
            helper.make_node("Conv", [f"extra{unit}", "extra_kernel"], [f"extra{unit + 1}"], pads=[1] * 4)
            for unit in range(units)
        ),
    ]
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    model.graph.node.extend(nodes)
    model.graph.output.append(helper.make_tensor_value_info(f"extra{units}", TensorProto.FLOAT, None))
    onnx.save(model, target)
    return target


def be_busy(core: int, seed: int) -> None:
    """Work and rest for spells of random length, for as long as this benchmark runs."""
    os.sched_setaffinity(0, {core})
    parent = os.getppid()
    drawn, square = random.Random(seed), np.ones((512, 512), np.float32)
    while os.getppid() == parent:
        end = time.monotonic() + drawn.expovariate(2)
        while time.monotonic() < end:
            square @ square
        time.sleep(drawn.expovariate(2))


@contextmanager
def neighbour(quiet: bool) -> Iterator[None]:
    """Busy on the first core while a gate of one thread keeps to the last."""
    if quiet:
        yield
        return
    cores = sorted(os.sched_getaffinity(0))
    process = multiprocessing.get_context("spawn").Process(target=be_busy, args=(cores[0], 0), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


@dataclass(frozen=True)
class Truth:
    """How many times as long a file takes, and between which ratios that surely is."""

    ratio: float
    low: float
    high: float


@dataclass(frozen=True)
class Gate:
    """What a gate said, whether its interval holds the truth, and how long it took."""

    outcome: str
    holds: bool
    seconds: float


def truth(file: Path, other: Path, seconds: float, options: Any) -> Truth:
    """By a long race to its end."""
    limits = replace(gate_options(options, 10_000), seconds=seconds)
    interval = race_files(job(file), job(other), limits, to_the_end=True).interval
    return Truth(interval.ratio, interval.low, interval.high)


def int8_file(folder: Path) -> Path:
    """The network of this benchmark, made where it is not there yet."""
    path = folder / "fastscnn_256x512_int8.onnx"
    if not path.exists():
        edgeseg.quantize(edgeseg.export("fastscnn", "onnx", "256x512", folder=folder), path=path)
    return path


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def job(file: Path) -> Job:
    return Job(Source(str(file)), threads=1)


def gate_options(options: Any, seed: int) -> GateOptions:
    return GateOptions(max_slowdown_percent=options.max_slowdown, seconds=options.seconds, seed=seed)


def slower_by(percent: float, file: Path, folder: Path, options: Any, answers: Answers) -> tuple[Path, Truth]:
    """A file that is about so much slower, found by scaling the extra work after a race, and how much slower it is."""
    asked = {"slower": percent, "file": sha256(file), "seconds": options.truth_seconds}
    if (known := answers.get(asked)) is not None:
        return slowed(file, known["units"], folder / f"slower_{percent:g}.onnx"), Truth(**known["truth"])
    long, units = options.truth_seconds, 10
    for seconds in (long / 8, long / 8, long, long, long):
        used, made = units, slowed(file, units, folder / f"slower_{percent:g}.onnx")
        found = truth(file, made, seconds, options)
        excess_percent = 100 * (found.ratio - 1)
        if seconds == long and abs(excess_percent - percent) <= NEAR_POINTS:
            break
        units = max(1, round(units * percent / max(excess_percent, 0.1)))
    answers.put(asked, {"units": used, "truth": asdict(found)})
    return made, found


def gates(file: Path, other: Path, count: int, ratio: float, options: Any, answers: Answers) -> list[Gate]:
    """So many gates against a file of which the true ratio is known."""
    found = []
    for seed in range(count):
        limits = gate_options(options, seed)
        asked = {"files": [sha256(file), sha256(other)], "options": asdict(limits), "busy": not options.quiet}
        answer = answers.get(asked)
        if answer is None:
            answer = asdict(one_gate(file, other, ratio, limits))
            answers.put(asked, answer)
        found.append(Gate(**answer))
    return found


def one_gate(file: Path, other: Path, ratio: float, limits: GateOptions) -> Gate:
    start = time.monotonic()
    timing = race_files(job(file), job(other), limits)
    seconds = time.monotonic() - start
    decided = [("regression", timing.p_slower), ("passed", timing.p_within)]
    outcome = next((word for word, p in decided if p <= limits.error), "undecided")
    return Gate(outcome, timing.interval.low <= ratio <= timing.interval.high, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--same", type=int, default=200, help="gates of the file against itself")
    parser.add_argument("--slower", type=int, default=100, help="gates against the file that is 5 %% slower")
    parser.add_argument("--less", type=int, default=100, help="gates against the file that is 2 %% slower")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--truth-seconds", type=float, default=300, help="of each race that tells the truth")
    parser.add_argument("--max-slowdown", type=float, default=3)
    parser.add_argument("--quiet", action="store_true", help="without the neighbour")
    parser.add_argument("--file", type=Path, help="int8 ONNX file, instead of making it")
    parser.add_argument("--keep", type=Path, help="folder for what is found, to go on from")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, neighbour(options.quiet):
        folder = options.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        answers, file = Answers(folder / "found.json"), options.file or int8_file(folder)
        rows = [("itself", options.same, file, 1.0, "exactly")]
        for percent, count in ((5, options.slower), (2, options.less)):
            if count:
                made, found = slower_by(percent, file, folder, options, answers)
                low, high = (100 * (end - 1) for end in (found.low, found.high))
                rows.append((f"{percent} % slower", count, made, found.ratio, f"{low:+.1f} to {high:+.1f} %"))
        print(
            "| against | truly | sure within | gates | regression | passed | undecided | interval holds | longest, s |"
        )
        print("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for what, count, other, ratio, sure in rows:
            made_gates = gates(file, other, count, ratio, options, answers)
            outcomes = Counter(gate.outcome for gate in made_gates)
            counts = " | ".join(str(outcomes[word]) for word in ("regression", "passed", "undecided"))
            slowdown, holding = f"{100 * (ratio - 1):+.1f} %", sum(gate.holds for gate in made_gates)
            longest = max((gate.seconds for gate in made_gates), default=0.0)
            print(f"| {what} | {slowdown} | {sure} | {count} | {counts} | {holding} | {longest:.1f} |", flush=True)


if __name__ == "__main__":
    main()
