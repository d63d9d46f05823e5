"""The median in ms of a runtime's bare call, by `torch.utils.benchmark` or a plain loop, for every line of its input.

Run as `yes | head -3 | python benchmarks/peers/bare_timer.py FILE --tool torch --threads 1`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["bare_call"]

_SECONDS = 0.2
"""Of calls for a line."""
_DTYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(int8)": np.int8}


def bare_call(path: Path, threads: int) -> Callable[[], object]:
    """One run of a file, with nothing of edgeseg around it."""
    if path.suffix == ".onnx":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()
        dtype = np.dtype(_DTYPES[given.type])
        feed = {given.name: noise(given.shape, dtype)}
        return lambda: session.run(None, feed)
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=threads)
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    interpreter.set_tensor(given["index"], noise(given["shape"], np.dtype(given["dtype"])))
    return lambda: interpreter.invoke()


def noise(shape: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """What we time on as well: some content is faster than other."""
    draw = np.random.default_rng(0)
    if dtype.kind == "f":
        return draw.standard_normal(shape, np.float32)
    limits = np.iinfo(dtype)
    return draw.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def by_torch(call: Callable[[], object], threads: int) -> float:
    """Torch is imported after the file was opened: imported before, it alone made float files some percent faster."""
    from torch.utils.benchmark import Timer

    timer = Timer("call()", globals={"call": call}, num_threads=threads)
    return 1000 * float(timer.blocked_autorange(min_run_time=_SECONDS).median)


def by_loop(call: Callable[[], object], _threads: int) -> float:
    call()
    taken: list[float] = []
    begin = end = perf_counter()
    while end - begin < _SECONDS:
        start = perf_counter()
        call()
        end = perf_counter()
        taken.append(1000 * (end - start))
    return median(taken)


_TOOLS = {"torch": by_torch, "loop": by_loop}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--tool", choices=_TOOLS, required=True)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    call, median_ms = bare_call(given.file, given.threads), _TOOLS[given.tool]
    for _ in sys.stdin:
        print(median_ms(call, given.threads), flush=True)


if __name__ == "__main__":
    main()
