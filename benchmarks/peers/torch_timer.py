"""The median of a runtime's bare call, in milliseconds, as `torch.utils.benchmark` takes it.

Run as `python benchmarks/peers/torch_timer.py FILE --threads 1`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from torch.utils.benchmark import Timer

__all__ = ["bare_call"]

_SECONDS = 1.0


def bare_call(path: Path, threads: int) -> Callable[[], object]:
    """One run of a file, with nothing of edgeseg around it."""
    if path.suffix == ".onnx":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()
        kind = np.float32 if given.type == "tensor(float)" else np.uint8
        # Not zeros: all of an array of zeros may be one and the same page of memory.
        feed = {given.name: np.ones(given.shape, kind)}
        return lambda: session.run(None, feed)
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=threads)
    interpreter.allocate_tensors()
    return lambda: interpreter.invoke()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    timer = Timer("call()", globals={"call": bare_call(given.file, given.threads)}, num_threads=given.threads)
    print(1000 * timer.blocked_autorange(min_run_time=_SECONDS).median)


if __name__ == "__main__":
    main()
