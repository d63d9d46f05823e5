"""The fresh process of one task, named on the command line: questions in, progress and answers out, as JSON lines."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from queue import SimpleQueue
from threading import Thread
from typing import Any

from edgeseg.core.errors import EdgesegError, InputError
from edgeseg.core.protocols import Progress

__all__: list[str] = []

_PATIENCE_S = 10
"""For what is still to do when nobody is left who asks."""


def _questions() -> Iterator[dict[str, Any]]:
    """Those that are sent, until there are no more; the process ends soon after that even in the midst of an answer."""
    lines: SimpleQueue[str] = SimpleQueue()

    def read() -> None:
        with os.fdopen(os.dup(0)) as sent:
            for line in sent:
                lines.put(line)
        lines.put("")
        time.sleep(_PATIENCE_S)
        os._exit(1)

    Thread(target=read, daemon=True).start()
    while line := lines.get():
        yield json.loads(line)


def _stop(*_: Any) -> None:
    """Raise KeyboardInterrupt, once: on a terminal the signal comes to this process and from its parent too."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _answers(task: str, questions: Iterator[dict[str, Any]], progress: Progress) -> Iterator[dict[str, Any]]:
    if task == "turns":
        from edgeseg.pipeline.measure.playing import play

        yield from play(questions)
    else:
        yield _answer(task, next(questions), progress)


def _answer(task: str, question: dict[str, Any], progress: Progress) -> dict[str, Any]:
    match task:
        case "measure":
            from edgeseg.pipeline.job import Job
            from edgeseg.pipeline.measure.measuring import measure

            return measure(Job.from_json(question), progress).to_json()
        case "profile":
            from edgeseg.pipeline.job import Job
            from edgeseg.pipeline.measure.profiling import profile_file

            return profile_file(Job.from_json(question), progress).to_json()
        case "rivals":
            from edgeseg.pipeline.worth.verdict import Rivals, run_rivals

            return run_rivals(Rivals.from_json(question), progress)
        case "export":
            from edgeseg.pipeline.runs.making import Order, make_float

            return make_float(Order.from_json(question), progress)
        case "quantize":
            from edgeseg.pipeline.runs.making import Order, make_int8

            return make_int8(Order.from_json(question), progress)
    raise InputError(f"{task!r} is no task; there are export, quantize, measure, profile, rivals and turns")


def _main(task: str) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    # Runtimes print to standard output as they please, so ours moves to a descriptor they do not know.
    with os.fdopen(os.dup(1), "w", buffering=1) as lines:
        os.dup2(2, 1)

        def send(message: dict[str, Any]) -> None:
            lines.write(json.dumps(message) + "\n")

        def progress(*how_far: Any) -> None:
            send({"progress": how_far})

        try:
            for answer in _answers(task, _questions(), progress):
                send({"answer": answer})
        except (KeyboardInterrupt, BrokenPipeError):
            return 1
        except EdgesegError as error:
            send({"error": str(error), "input": isinstance(error, InputError), "trace": traceback.format_exc()})
            return error.exit_code
        except Exception as error:
            message = f"{type(error).__name__}: {error}".splitlines()[0]
            send({"error": message, "input": False, "trace": traceback.format_exc()})
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
