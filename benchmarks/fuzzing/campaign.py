"""Random networks through processes of their own, so that one that dies takes only its own case with it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Timer

from edgeseg.core.types import Format
from fuzzing.outcome import Outcome

__all__ = ["outcomes"]

COMMAND = [sys.executable, "-m", "fuzzing.case"]
"""Takes SEED:FORMAT any number of times and writes an outcome as a line of JSON for each."""
TIMEOUT_S = 300.0
"""For one case; the start of its process counts."""
_BATCH = 20
"""Cases of a process, which starts in seconds and grows with every conversion."""


def outcomes(cases: Sequence[tuple[int, Format]], jobs: int) -> Iterator[Outcome]:
    """Run the cases (seed, format) in `jobs` processes at a time; outcomes come as they are finished."""
    done: SimpleQueue[Outcome] = SimpleQueue()
    batches = [cases[i : i + _BATCH] for i in range(0, len(cases), _BATCH)]
    with ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(_run, batch, done) for batch in batches]
        for _ in cases:
            yield done.get()
        for each in running:
            each.result()


def _run(cases: Sequence[tuple[int, Format]], done: SimpleQueue[Outcome]) -> None:
    """All cases, with a new process behind each that died."""
    left = list(cases)
    while left:
        finished, status = _process(left, done)
        left = left[finished:]
        if left:
            seed, target = left.pop(0)
            done.put(Outcome(seed, target, "crashed", reason=_death(status)))


def _process(cases: Sequence[tuple[int, Format]], done: SimpleQueue[Outcome]) -> tuple[int, int]:
    """How many of the cases a process finished, and its exit status."""
    command = [*COMMAND, *(f"{seed}:{target}" for seed, target in cases)]
    finished = 0
    with subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        watch = _watch(process)
        for line in process.stdout:
            if not line.startswith("{"):
                continue  # Of a library.
            watch.cancel()
            done.put(Outcome(**json.loads(line)))
            finished += 1
            watch = _watch(process)
        watch.cancel()
    return finished, process.returncode


def _watch(process: subprocess.Popen[str]) -> Timer:
    watch = Timer(TIMEOUT_S, process.kill)
    watch.daemon = True
    watch.start()
    return watch


def _death(status: int) -> str:
    if -status == signal.SIGKILL:
        return f"killed after {TIMEOUT_S:g} s, or for its memory"
    return f"died of {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
