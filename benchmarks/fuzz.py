"""Random small networks through export, int8 quantization and both runtimes.

    python benchmarks/fuzz.py --graphs 500

Each must come out with noise LEAST_DB below its scores, wholly in int8 or, where that is not enough, mixed with float
as `--min-sqnr` does it, or be refused by an error that names what is wrong. A runtime may abort:
every case runs in a process that may die. A seed stands for the same network always, so that `--seed N --graphs 1`
brings a failure back.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable
from statistics import median

from fuzzing.campaign import outcomes
from fuzzing.outcome import LEAST_DB, Outcome
from rich.console import Console
from rich.progress import track

from edgeseg.core.types import Format

FORMATS: tuple[Format, ...] = ("onnx", "tflite")


def table(found: Iterable[Outcome], formats: Iterable[Format]) -> list[str]:
    lines = [
        f"| format | int8 | mixed | refused | failed | crashed | lowest dB | median dB | under {LEAST_DB:g} dB |",
        f"| --- | {' | '.join(['---:'] * 8)} |",
    ]
    found = list(found)
    for target in formats:
        own = [outcome for outcome in found if outcome.format == target]
        kinds = Counter(outcome.kind for outcome in own)
        ratios = [outcome.sqnr_db for outcome in own if outcome.sqnr_db is not None]
        cells = [target, *(str(kinds[kind]) for kind in ("int8", "mixed", "refused", "failed", "crashed"))]
        cells += [f"{min(ratios):.1f}", f"{median(ratios):.1f}"] if ratios else ["", ""]
        cells.append(str(sum(ratio < LEAST_DB for ratio in ratios)))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def reasons(found: Iterable[Outcome]) -> list[str]:
    """How often each reason came, for each format, with the first seed that had it."""
    by_reason: dict[tuple[str, str, str], list[Outcome]] = {}
    for outcome in found:
        if outcome.reason:
            by_reason.setdefault((outcome.format, outcome.kind, outcome.kind_of_reason), []).append(outcome)
    return [
        f"{len(own)} {target} {kind}, seed {min(own, key=lambda each: each.seed).seed} first: {own[0].reason}"
        for (target, kind, _), own in sorted(by_reason.items(), key=lambda entry: -len(entry[1]))
    ]


def failure(outcome: Outcome) -> str:
    what = outcome.reason if outcome.sqnr_db is None else f"{outcome.sqnr_db:.1f} dB"
    return f"seed {outcome.seed}, {outcome.format}, {outcome.kind}: {what}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=int, default=500, help="how many networks")
    parser.add_argument("--seed", type=int, default=0, help="of the first network")
    parser.add_argument("--format", choices=FORMATS, action="append", help="one format only")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    given = parser.parse_args()
    formats: tuple[Format, ...] = tuple(given.format or FORMATS)
    seeds = range(given.seed, given.seed + given.graphs)
    cases = [(seed, target) for seed in seeds for target in formats]
    console = Console(stderr=True)
    running = outcomes(cases, given.jobs)
    found: list[Outcome] = []
    for outcome in track(running, "networks", len(cases), console=console, disable=not console.is_terminal):
        found.append(outcome)
        if not outcome.holds:
            print(failure(outcome), file=sys.stderr, flush=True)
    print("\n".join([*table(found, formats), "", *reasons(found)]))
    sys.exit(0 if all(outcome.holds for outcome in found) else 1)


if __name__ == "__main__":
    main()
