"""Our times beside those that the runtimes' own tools take of the same files.

    python benchmarks/crosscheck.py edgeseg-out/*.onnx edgeseg-out/*.tflite --document docs/results.md

In every round, in an order that is drawn, each file is timed once by us, as `edgeseg bench` does, once by
`torch.utils.benchmark` around the runtime's bare call, and once, if it is .tflite, by LiteRT's benchmark tool, which
comes with ai-edge-litert. Each tool runs in a fresh process, all of them on the same core. The wheel of ONNX Runtime
has no tool of its own. A ratio is the median over rounds of our median to the tool's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from statistics import median

from common.document import check_markers, replace_between, table

from edgeseg.core.source import Source
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.turns import Player, one_round, pinned_cores

RUNS = 40
TIMER = Path(__file__).parent / "peers" / "torch_timer.py"


def ours_ms(path: Path) -> float:
    with Player(Job(Source(str(path)), threads=1)) as player:
        player.opened()
        player.warm("network")
        return median(player.turn("network", RUNS))


def torch_ms(path: Path) -> float:
    return float(answer([sys.executable, str(TIMER), str(path)]))


def litert_ms(path: Path) -> float:
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        tool = [sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model", "--model", str(path)]
        answer([*tool, "--num_runs", str(RUNS), "--num_threads", "1", "--result_json", str(result)])
        return median_of(json.loads(result.read_text()))


def median_of(values: dict[str, object]) -> float:
    """The tool's median in ms, wherever in its answer it has it."""
    for key, value in values.items():
        if "median" in key and isinstance(value, int | float):
            return float(value)
        if isinstance(value, dict) and any("median" in name for name in value):
            return median_of(value)
    raise SystemExit(f"LiteRT's benchmark tool told no median: {values}")


def answer(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout


def measured(path: Path, rounds: int, drawn: Random) -> list[str]:
    tools: list[Callable[[Path], float]] = [ours_ms, torch_ms, *([litert_ms] if path.suffix == ".tflite" else [])]
    found = [one_round([partial(tool, path) for tool in tools], drawn) for _ in range(rounds)]
    cells = [path.name, *(f"{median(times):.2f}" for times in zip(*found, strict=True))]
    cells += [""] * (4 - len(cells))
    ratios = [f"{median(times[0] / times[i] for times in found):.3f}" for i in range(1, len(tools))]
    return [*cells, *ratios, *[""] * (2 - len(ratios))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--document", type=Path, help="a document with markers, to put the table in")
    given = parser.parse_args()
    if given.document:
        check_markers(given.document, "crosscheck.py")
    os.sched_setaffinity(0, pinned_cores(1) or os.sched_getaffinity(0))
    drawn = Random(0)
    header = ["file", "edgeseg, ms", "torch.utils.benchmark, ms", "LiteRT's tool, ms", "ours to torch's", "to LiteRT's"]
    lines = table(header, [measured(path, given.rounds, drawn) for path in given.files])
    print("\n".join(lines))
    if given.document:
        replace_between(given.document, "crosscheck.py", lines)


if __name__ == "__main__":
    main()
