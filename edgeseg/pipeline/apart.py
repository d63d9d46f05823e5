"""Work in a fresh process: what one task does to memory, threads and random state, or dying, touches no other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from edgeseg.core.errors import EdgesegError, InputError, WorkError
from edgeseg.core.protocols import Progress
from edgeseg.pipeline.silence import silent

__all__ = ["Worker", "apart"]

_PATIENCE_S = 10


def apart(task: str, name: str, question: dict[str, Any], threads: int, progress: Progress) -> dict[str, Any]:
    """Have a task of `edgeseg.worker` done in a process of its own, and return its answer.

    Args:
        task: Name of the task.
        name: What it is done to, for messages.
        question: Plain JSON values, as the task wants them.
        threads: Threads that libraries of that process start with.
        progress: Told how far the task is.

    Raises:
        InputError: As the task did.
        WorkError: The task failed, or its process died.
    """
    with Worker(task, name, threads) as worker:
        worker.tell(question)
        return worker.hear(progress)


class Worker:
    """A process of `edgeseg.worker` at one task, as a context. Its input ends with us, however we do, and it with that.

    Takes what `apart` takes; `name` is what it is at work on.
    """

    def __init__(self, task: str, name: str, threads: int) -> None:
        self._name = name
        self._errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "edgeseg.worker", task],  # Or a statistics.py here is taken for Python's.
            stdin=pipe,
            stdout=pipe,
            stderr=self._errors,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads), "NUMBA_NUM_THREADS": str(threads)},
        )

    @property
    def process(self) -> int:
        """Its id."""
        return self._process.pid

    def tell(self, question: dict[str, Any]) -> None:
        """Send plain JSON values. To a dead process nothing is sent, which `hear` then tells."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()

    def hear(self, progress: Progress = silent) -> dict[str, Any]:
        """Wait for an answer.

        Raises:
            InputError: As the task did.
            WorkError: The task failed, or its process died.
        """
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.endswith("\n"):
                break  # It died at its answer.
            message: dict[str, Any] = json.loads(line)
            if "progress" in message:
                progress(*message["progress"])
            elif "answer" in message:
                answer: dict[str, Any] = message["answer"]
                return answer
            else:
                raise _error(message)
        raise WorkError(f"{self._name}: {_death(self._process.wait())}{self._last_line()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let a process that may still run clean up after itself, for a while."""
        with self._process, self._errors:  # Closes the pipes.
            if kind is not None:
                self._process.terminate()
            with suppress(BrokenPipeError):
                assert self._process.stdin is not None
                self._process.stdin.close()
            try:
                self._process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _last_line(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return f" ({lines[-1].strip()})" if lines else ""


def _error(message: dict[str, Any]) -> EdgesegError:
    error = (InputError if message["input"] else WorkError)(message["error"])
    error.add_note(message["trace"])
    return error


def _death(code: int) -> str:
    if code < 0:
        name = next((known.name for known in signal.Signals if known == -code), f"signal {-code}")
        hint = "; it may have run out of memory: try a smaller --size" if name == "SIGKILL" else ""
        return f"the process at work on it was ended by {name}{hint}"
    return f"the process at work on it ended with code {code} and no result"
