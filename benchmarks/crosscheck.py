"""Our times beside those that the runtimes' own tools take of the same files.

    python benchmarks/crosscheck.py edgeseg-out/*.onnx edgeseg-out/*.tflite --document docs/results.md

In every round each file is timed by us, as `edgeseg bench` does, and the runtime's bare call by a plain loop and by
`torch.utils.benchmark`, in turns of a fifth of a second; and, if it is .tflite, by LiteRT's benchmark tool, which comes
with ai-edge-litert and cannot take turns. Every order is drawn. Each tool has a fresh process in every round, all of
them on the same core. The wheel of ONNX Runtime has no tool of its own. A ratio is that of our median to the tool's, by
turn where there are turns; what is given is its median over rounds, with a 95 % interval by bootstrap over rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median

from common.document import check_markers, replace_between, table

from edgeseg.bench.times.cores import pinned_cores
from edgeseg.bench.times.intervals import median_interval
from edgeseg.core.source import Source
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.turns import Player, one_round

TURNS = 6
"""Of us and the bare call in a round."""
TURN_MS = 200
LITERT_RUNS = 40
TIMER = Path(__file__).parent / "peers" / "bare_timer.py"


@dataclass(frozen=True)
class Turns:
    """Of a file in a round: our median in ms, the loop's and torch's, and the medians of the turns' ratios to these."""

    ms: tuple[float, ...]
    ratios: tuple[float, ...]


def in_turns(path: Path, drawn: Random) -> Turns:
    with (
        Player(Job(Source(str(path)), threads=1)) as player,
        timer(path, "loop") as loop,
        timer(path, "torch") as torch,
    ):
        player.opened()
        calls = max(3, round(TURN_MS / player.warm("network")))
        loop(), torch()
        tasks = [lambda: median(player.turn("network", calls)), loop, torch]
        turns = [one_round(tasks, drawn) for _ in range(TURNS)]
    ours, *bare = zip(*turns, strict=True)
    ratios = (median(one / other for one, other in zip(ours, theirs, strict=True)) for theirs in bare)
    return Turns(tuple(map(median, (ours, *bare))), tuple(ratios))


@contextmanager
def timer(path: Path, tool: str) -> Iterator[Callable[[], float]]:
    """The bare call in a fresh process, to be asked for the median of a turn in ms."""
    command = [sys.executable, str(TIMER), str(path), "--tool", tool]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        told, heard = process.stdin, process.stdout
        assert told and heard

        def turn() -> float:
            told.write(b"\n")
            told.flush()
            if not (line := heard.readline()):
                raise SystemExit(f"{path}: the process that times its bare call ended")
            return float(line)

        yield turn
        told.close()


def litert_ms(path: Path) -> float:
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        tool = [sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model", "--model", str(path)]
        answer([*tool, "--num_runs", str(LITERT_RUNS), "--num_threads", "1", "--result_json", str(result)])
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
    """The cells of a file."""
    turns: list[Turns] = []
    litert: list[float] = []
    tasks = [lambda: turns.append(in_turns(path, drawn))]
    if path.suffix == ".tflite":
        tasks.append(lambda: litert.append(litert_ms(path)))
    for _ in range(rounds):
        one_round(tasks, drawn)
    bare = list(zip(*(turn.ms for turn in turns), strict=True))
    times = [f"{median(found):.2f}" if found else "" for found in (*bare, litert)]
    ratios = [*zip(*(turn.ratios for turn in turns), strict=True)]
    ratios.append(tuple(one / other for one, other in zip(bare[0], litert, strict=False)))
    return [path.name, *times, *map(ratio_cell, ratios)]


def ratio_cell(ratios: Sequence[float]) -> str:
    if not ratios:
        return ""
    interval = median_interval(ratios, range(len(ratios)))
    return f"{median(ratios):.3f}" + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--document", type=Path, help="a document with markers, to put the table in")
    given = parser.parse_args()
    if given.document:
        check_markers(given.document, "crosscheck.py")
    os.sched_setaffinity(0, pinned_cores(1) or os.sched_getaffinity(0))
    drawn = Random(0)
    header = ["file", "edgeseg, ms", "loop, ms", "torch.utils.benchmark, ms", "LiteRT's tool, ms"]
    header += ["ours to the loop's", "to torch's", "to LiteRT's"]
    lines = table(header, [measured(path, given.rounds, drawn) for path in given.files])
    print("\n".join(lines))
    if given.document:
        replace_between(given.document, "crosscheck.py", lines)


if __name__ == "__main__":
    main()
