"""Random small networks through export, int8 quantization and both runtimes.

    python benchmarks/fuzz.py --graphs 500 --out fuzz.jsonl --document docs/results.md

Each must come out with noise LEAST_DB below its scores, wholly in int8 or, where that is not enough, mixed with float
as `--min-sqnr` does it, or be refused by an error that names what is wrong. A runtime may abort:
every case runs in a process that may die. A seed stands for the same network always, so that `--seed N --graphs 1`
brings a failure back. Outcomes that `--out` has are not sought again: after an interruption the same command goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

from common.document import check_markers, replace_between, table
from fuzzing.campaign import outcomes
from fuzzing.outcome import LEAST_DB, Outcome
from rich.console import Console
from rich.progress import track

from edgeseg.core.types import Format

FORMATS: tuple[Format, ...] = ("onnx", "tflite")


def summary(found: Sequence[Outcome], formats: Iterable[Format]) -> list[str]:
    header = ("format", "int8", "mixed", "refused", "failed", "crashed", "lowest dB", "median dB")
    rows = []
    for target in formats:
        own = [outcome for outcome in found if outcome.format == target]
        kinds = Counter(outcome.kind for outcome in own)
        ratios = [outcome.sqnr_db for outcome in own if outcome.sqnr_db is not None]
        cells = [target, *(str(kinds[kind]) for kind in ("int8", "mixed", "refused", "failed", "crashed"))]
        cells += [f"{min(ratios):.1f}", f"{median(ratios):.1f}"] if ratios else ["", ""]
        rows.append([*cells, str(sum(ratio < LEAST_DB for ratio in ratios))])
    return table((*header, f"under {LEAST_DB:g} dB"), rows)


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


def found_of(cases: Sequence[tuple[int, Format]], jobs: int, path: Path | None) -> list[Outcome]:
    """An outcome of each case: what an earlier run wrote at `path`, and those that this one adds to it."""
    lines = path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []
    found = [outcome for line in lines if ((outcome := Outcome(**json.loads(line))).seed, outcome.format) in cases]
    known = {(outcome.seed, outcome.format) for outcome in found}
    left = [case for case in cases if case not in known]
    console = Console(stderr=True)
    for outcome in track(outcomes(left, jobs), "networks", len(left), console=console, disable=not console.is_terminal):
        found.append(outcome)
        if path:
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(asdict(outcome))}\n")
        if not outcome.holds:
            print(failure(outcome), file=sys.stderr, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=int, default=500, help="how many networks")
    parser.add_argument("--seed", type=int, default=0, help="of the first network")
    parser.add_argument("--format", choices=FORMATS, action="append", help="one format only")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("--out", type=Path, help="a file of outcomes, a line of JSON each")
    parser.add_argument("--document", type=Path, help="a document with markers, to put the table in")
    given = parser.parse_args()
    if given.document:
        check_markers(given.document, "fuzz.py")
    formats: tuple[Format, ...] = tuple(given.format or FORMATS)
    seeds = range(given.seed, given.seed + given.graphs)
    cases = [(seed, target) for seed in seeds for target in formats]
    found = found_of(cases, given.jobs, given.out)
    lines = summary(found, formats)
    print("\n".join([*lines, "", *reasons(found)]))
    if given.document:
        replace_between(given.document, "fuzz.py", lines)
    sys.exit(0 if all(outcome.holds for outcome in found) else 1)


if __name__ == "__main__":
    main()
