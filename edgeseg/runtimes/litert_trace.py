"""LiteRT's profiler, which tells the time of operators inside of XNNPACK too.

The Python interfaces do not reach it; LiteRT's C interface, which comes with the package as a shared library, does.
See litert/c/litert_profiler.h, litert_options.h and litert_environment_options.h of google-ai-edge/LiteRT.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import ExitStack
from ctypes import byref, c_char_p, c_int, c_int64, c_size_t, c_uint64, c_void_p
from pathlib import Path
from statistics import median
from typing import Any

import ai_edge_litert
import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError, MeasureError
from edgeseg.core.profile import Kernel, Trace
from edgeseg.core.quiet import quiet

__all__ = ["trace"]

_US_PER_MS = 1e3
_CPU, _INTEGER, _ERRORS = 1, 2, 3
_ACCELERATORS_TAG, _SEVERITY_TAG = 24, 25
_WRITING = 1
_TYPE_BYTES = 256
"""More than a LiteRtRankedTensorType takes."""
_RUN, _OPERATOR, _INSIDE_DELEGATE = 1, 2, 8
"""Types of events: a span of the runtime's own, an operator of the file, an operator of a delegate."""


class _Value(ctypes.Structure):
    _fields_ = (("type", c_int), ("value", c_int64))


class _EnvironmentOption(ctypes.Structure):
    _fields_ = (("tag", c_int), ("value", _Value))


class _Event(ctypes.Structure):
    """ProfiledEventData; `memory` is two LiteRtMemoryUsage."""

    _fields_ = (
        ("tag", c_char_p),
        ("type", c_int),
        ("start_us", c_uint64),
        ("elapsed_us", c_uint64),
        ("memory", c_size_t * 6),
        ("index", c_uint64),
        ("graph", c_uint64),
        ("source", c_int),
    )


_Delete = ctypes.CFUNCTYPE(None, c_void_p)
_keep = _Delete(lambda _: None)


def trace(path: Path, batch: NDArray[Any], threads: int, runs: int, warmup: int) -> Trace:
    """Run a .tflite file's first signature on a batch, `warmup` times and then `runs` times with the profiler on.

    Raises InputError for a file that this interface cannot load or that takes another batch, MeasureError where the
    package has no such library or the profiler tells nothing.
    """
    with ExitStack() as ends, quiet():
        return _trace(_Library(path, ends), path, batch, threads, runs, warmup)


def _trace(library: _Library, path: Path, batch: NDArray[Any], threads: int, runs: int, warmup: int) -> Trace:
    settings = (_EnvironmentOption * 2)(
        _EnvironmentOption(_ACCELERATORS_TAG, _Value(_INTEGER, _CPU)),
        _EnvironmentOption(_SEVERITY_TAG, _Value(_INTEGER, _ERRORS)),
    )
    environment = library.make("LiteRtCreateEnvironment", 2, settings, end="LiteRtDestroyEnvironment")
    model = library.make("LiteRtCreateModelFromFile", environment, str(path).encode(), end="LiteRtDestroyModel")
    options = library.make("LiteRtCreateOptions", end="LiteRtDestroyOptions")
    library.do("LiteRtSetOptionsHardwareAccelerators", options, _CPU)
    texts = {b"runtime_options_string": b"enable_profiling = true\n", b"xnnpack": b"num_threads = %d\n" % threads}
    for name, text in texts.items():
        library.do("LiteRtAddOpaqueOptions", options, library.make("LiteRtCreateOpaqueOptions", name, text, _keep))
    compiled = library.make("LiteRtCreateCompiledModel", environment, model, options, end="LiteRtDestroyCompiledModel")
    signature = library.make("LiteRtGetModelSignature", model, c_size_t(0))
    given = library.buffers("Input", environment, compiled, signature)
    computed = library.buffers("Output", environment, compiled, signature)
    library.fill(given[0], batch)
    profiler = library.make("LiteRtCompiledModelGetProfiler", compiled)

    def run() -> None:
        ends = (c_size_t(len(given)), given, c_size_t(len(computed)), computed)
        library.do("LiteRtRunCompiledModel", compiled, c_size_t(0), *ends)

    for _ in range(warmup):
        run()
    seen = []
    for _ in range(runs):
        library.do("LiteRtResetProfiler", profiler)
        library.do("LiteRtStartProfiler", profiler)
        run()
        library.do("LiteRtStopProfiler", profiler)
        seen.append(_read(library, profiler, path))
    if not seen[0][0]:
        raise MeasureError(f"{path}: LiteRT's profiler names no operator of it")
    kernels = tuple(
        Kernel(op, median(us for *_, us in events) / _US_PER_MS, index=index, part=part)
        for events in zip(*(kernels for kernels, _ in seen), strict=True)
        for op, index, part, _ in events[:1]
    )
    return Trace(kernels, median(us for _, us in seen) / _US_PER_MS)


def _read(library: _Library, profiler: Any, path: Path) -> tuple[list[tuple[str, int | None, int | None, int]], int]:
    """(kernel, index, part, microseconds) of a run, and those of the whole of it."""
    count = c_int()
    library.do("LiteRtGetNumProfilerEvents", profiler, byref(count))
    events = (_Event * count.value)()
    library.do("LiteRtGetProfilerEvents", profiler, count, events)
    whole = [event.elapsed_us for event in events if event.type == _RUN and event.tag == b"Invoke"]
    if not whole:
        raise MeasureError(f"{path}: LiteRT's profiler tells of no run")
    return list(_kernels(events)), whole[0]


def _kernels(events: Any) -> Iterator[tuple[str, int | None, int | None, int]]:
    part, last = -1, None
    for event in events:
        if event.type == _OPERATOR and event.graph == 0:
            yield event.tag.decode(), event.index, None, event.elapsed_us
            last = None
        elif event.type == _INSIDE_DELEGATE:
            if last is None or event.index <= last:
                part += 1
            yield event.tag.decode(), None, part, event.elapsed_us
            last = event.index


class _Library:
    """The C interface: a call that fails raises, and what it makes is destroyed, last first, when `ends` closes."""

    def __init__(self, path: Path, ends: ExitStack) -> None:
        self._path, self._ends = path, ends
        folder = Path(ai_edge_litert.__file__).parent
        found = [
            file for pattern in ("libLiteRt.so", "libLiteRt.dylib", "*LiteRt.dll") for file in folder.glob(pattern)
        ]
        if not found:
            raise MeasureError(f"{folder}: no libLiteRt here, whose profiler is needed; update ai-edge-litert")
        self._library = ctypes.CDLL(str(found[0]))

    def do(self, name: str, *arguments: Any) -> None:
        status = getattr(self._library, name)(*arguments)
        if status:
            raise InputError(f"{self._path}: LiteRT's profiler cannot run it: {name} gives status {status}")

    def make(self, name: str, *arguments: Any, end: str | None = None) -> Any:
        made = c_void_p()
        self.do(name, *arguments, byref(made))
        if end:
            self._ends.callback(getattr(self._library, end), made)
        return made

    def buffers(self, side: str, environment: Any, compiled: Any, signature: Any) -> Any:
        """A host buffer for every input or output of a signature."""
        count = c_size_t()
        self.do(f"LiteRtGetNumSignature{side}s", signature, byref(count))
        made = (c_void_p * count.value)()
        for i in range(count.value):
            tensor = self.make(f"LiteRtGetSignature{side}TensorByIndex", signature, c_size_t(i))
            kind = ctypes.create_string_buffer(_TYPE_BYTES)
            self.do("LiteRtGetRankedTensorType", tensor, kind)
            needs = self.make(f"LiteRtGetCompiledModel{side}BufferRequirements", compiled, c_size_t(0), c_size_t(i))
            ask = "LiteRtCreateManagedTensorBufferFromRequirements"
            made[i] = self.make(ask, environment, kind, needs, end="LiteRtDestroyTensorBuffer").value
        return made

    def fill(self, buffer: int, batch: NDArray[Any]) -> None:
        target, size, address = c_void_p(buffer), c_size_t(), c_void_p()
        self.do("LiteRtGetTensorBufferPackedSize", target, byref(size))
        if size.value != batch.nbytes:
            raise InputError(f"{self._path}: takes {size.value} bytes, not the {batch.nbytes} of shape {batch.shape}")
        self.do("LiteRtLockTensorBuffer", target, byref(address), _WRITING)
        ctypes.memmove(address, np.ascontiguousarray(batch).ctypes.data, batch.nbytes)
        self.do("LiteRtUnlockTensorBuffer", target)
