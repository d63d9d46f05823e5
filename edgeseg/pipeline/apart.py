"""Work in a fresh process: what one task does to memory, threads and random state, or dying, touches no other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

from edgeseg.core.errors import EdgesegError, InputError, WorkError
from edgeseg.core.files import remove_unfinished
from edgeseg.core.protocols import Progress

__all__ = ["apart"]

_PATIENCE_S = 10


def apart(
    task: str, name: str, question: dict[str, Any], threads: int, progress: Progress, folder: Path | None = None
) -> dict[str, Any]:
    """Have a task of `edgeseg.worker` done in a process of its own, and return its answer.

    Args:
        task: Name of the task.
        name: What it is done to, for messages.
        question: Plain JSON values, as the task wants them.
        threads: Threads that libraries of that process start with.
        progress: Told how far the task is.
        folder: What the task writes into; where it dies, nothing unfinished is left there.

    Raises:
        InputError: As the task did.
        WorkError: The task failed, or its process died.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "NUMBA_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", "edgeseg.worker", task]
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True, env=environment) as process,
    ):
        try:
            answer = _talk(process, question, progress)
        except BaseException:
            _end(process, folder)
            raise
        process.wait()
        if answer is None:
            _end(process, folder)
            errors.seek(0)
            raise WorkError(f"{name}: {_death(process.returncode)}{_last_line(errors)}")
    return answer


def _end(process: subprocess.Popen[str], folder: Path | None) -> None:
    """Let a process that may still run clean up after itself, for a while; then do it in its place."""
    process.terminate()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if folder is not None:
        remove_unfinished(folder, process.pid)


def _talk(process: subprocess.Popen[str], question: dict[str, Any], progress: Progress) -> dict[str, Any] | None:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        json.dump(question, process.stdin)
        process.stdin.close()
    except BrokenPipeError:
        return None
    for line in process.stdout:
        message: dict[str, Any] = json.loads(line)
        if "progress" in message:
            progress(*message["progress"])
        elif "answer" in message:
            answer: dict[str, Any] = message["answer"]
            return answer
        else:
            raise _error(message)
    return None


def _error(message: dict[str, Any]) -> EdgesegError:
    error = (InputError if message["input"] else WorkError)(message["error"])
    error.add_note(message["trace"])
    return error


def _death(code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name
        hint = "; it may have run out of memory: try a smaller --size" if name == "SIGKILL" else ""
        return f"the process at work on it was ended by {name}{hint}"
    return f"the process at work on it ended with code {code} and no result"


def _last_line(errors: IO[str]) -> str:
    lines = errors.read().strip().splitlines()
    return f" ({lines[-1].strip()})" if lines else ""
