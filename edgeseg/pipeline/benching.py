"""Artifacts to Records, each measured in a fresh process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from edgeseg.bench.latency import LatencyOptions
from edgeseg.core.errors import EdgesegError, InputError, MeasureError
from edgeseg.core.protocols import Progress
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact, Record
from edgeseg.pipeline.images import DEFAULT_DATA
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.silence import silent

__all__ = ["bench", "measure_apart"]


def bench(
    artifacts: Iterable[Artifact | Path | str | Source],
    dataset: str | None = DEFAULT_DATA,
    device: str = "cpu",
    *,
    split: str | None = None,
    images: int | None = None,
    runtime: str | None = None,
    threads: int = 2,
    latency: LatencyOptions | None = None,
    progress: Progress = silent,
) -> list[Record]:
    """Measure artifacts or models one after the other, each in a process of its own.

    Args:
        artifacts: Finished files, zoo names, the user's own models: whatever the command line takes.
        dataset: Text that names a dataset to measure mIoU on; None leaves accuracy out.
        device: What the runtime is asked to run on.
        split: Split of the dataset; by default the one that it declares first.
        images: How many of its images; by default all.
        runtime: Name of a runtime; by default the one for each file's format.
        threads: Threads that the runtime may use.
        latency: When warm-up and sampling end.
        progress: Told how far the measurement is.

    Raises:
        InputError: A file, model or dataset that cannot be used.
        MeasureError: A measurement failed or its process died.
    """
    job = Job(Source(""), runtime, device, threads, dataset, split, images, latency if latency else LatencyOptions())
    return [measure_apart(replace(job, source=_source(artifact)), progress) for artifact in artifacts]


def _source(artifact: Artifact | Path | str | Source) -> Source:
    if isinstance(artifact, Source):
        return artifact
    return Source(str(artifact.path if isinstance(artifact, Artifact) else artifact))


def measure_apart(job: Job, progress: Progress = silent) -> Record:
    """Measure in a fresh process; raises what `pipeline.measuring.measure` raised there."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(job.threads), "NUMBA_NUM_THREADS": str(job.threads)}
    command = [sys.executable, "-m", "edgeseg.worker"]
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True, env=environment) as process,
    ):
        try:
            result = _talk(process, job, progress)
        except BaseException:
            process.kill()
            raise
        process.wait()
        if result is None:
            errors.seek(0)
            raise MeasureError(f"{job.source.target}: {_death(process.returncode)}{_last_line(errors)}")
    if isinstance(result, EdgesegError):
        raise result
    return result


def _talk(process: subprocess.Popen[str], job: Job, progress: Progress) -> Record | EdgesegError | None:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        json.dump(job.to_json(), process.stdin)
        process.stdin.close()
    except BrokenPipeError:
        return None
    for line in process.stdout:
        message: dict[str, Any] = json.loads(line)
        if "progress" in message:
            progress(*message["progress"])
        elif "record" in message:
            return Record.from_json(message["record"])
        else:
            error = (InputError if message["input"] else MeasureError)(message["error"])
            error.add_note(message["trace"])
            return error
    return None


def _death(code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name
        hint = "; it may have run out of memory: try a smaller --size" if name == "SIGKILL" else ""
        return f"the measuring process was ended by {name}{hint}"
    return f"the measuring process ended with code {code} and no result"


def _last_line(errors: IO[str]) -> str:
    lines = errors.read().strip().splitlines()
    return f" ({lines[-1].strip()})" if lines else ""
