"""LiteRT, the successor of TensorFlow Lite; its predecessor tflite_runtime serves where that is all there is."""

from __future__ import annotations

import ctypes
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError, MeasureError, first_line
from edgeseg.core.profile import Trace
from edgeseg.core.protocols import RuntimeDeclaration
from edgeseg.core.quiet import quiet
from edgeseg.core.registry import load
from edgeseg.core.types import Artifact, Model, Precision
from edgeseg.runtimes.engine import WARMUP_RUNS, Engine, Port, Quantization, Signature, watched
from edgeseg.runtimes.session import Session

try:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
except ModuleNotFoundError:
    from tflite_runtime.interpreter import Interpreter, OpResolverType

__all__ = ["DECLARATION", "open_session", "precision", "signature"]

DECLARATION = RuntimeDeclaration(format="tflite", package="ai_edge_litert", extra="litert", default=True)


def open_session(
    source: Artifact | Model, threads: int, *, device: str, tensors: bool, watch: tuple[str, ...]
) -> Session:
    """Open a .tflite file; `tensors` runs it without XNNPACK, `watch` with each operator handed to XNNPACK by itself.

    Raises InputError for a file that LiteRT cannot load, or not for the declared input.
    """
    assert isinstance(source, Artifact)
    return Session(source.facts, _engine(source.path, source.facts.input.shape, threads, tensors, watch))


def _engine(path: Path, shape: tuple[int, ...], threads: int, tensors: bool, watch: tuple[str, ...]) -> Engine:
    """Runs the first output."""
    interpreter = _interpreter(path, threads, bare=tensors and not watch, keep=tensors or bool(watch))
    details, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    _allocate(interpreter, path, shape)
    wanted = _wanted(interpreter, path, watch) if tensors or watch else {}

    @contextmanager
    def running() -> Iterator[None]:
        try:
            yield
        except (ValueError, RuntimeError) as error:
            raise MeasureError(f"{path}: LiteRT cannot run it: {first_line(error)}") from error

    def invoke() -> None:
        with running():
            interpreter.invoke()

    def holding(batch: NDArray[Any]) -> Callable[[], None]:
        with running():
            interpreter.set_tensor(details["index"], batch)
        return invoke

    def run(batch: NDArray[Any]) -> NDArray[Any]:
        holding(batch)()
        values: NDArray[Any] = interpreter.get_tensor(result["index"])
        return values

    def lent(batch: NDArray[Any]) -> NDArray[Any]:
        holding(batch)()
        own = interpreter.tensor(result["index"])()
        # The interpreter refuses to run while an array of its own lives, and compiling a kernel for one can keep it.
        memory = (ctypes.c_byte * own.nbytes).from_address(own.ctypes.data)
        values: NDArray[Any] = np.ndarray(own.shape, own.dtype, memory)
        return values

    def computed(batch: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
        run(batch)
        for index, name in wanted.items():
            yield name, interpreter.get_tensor(index)

    def trace(batch: NDArray[Any], runs: int) -> Trace:
        profiler = load(
            "edgeseg.runtimes", "litert_trace", package="ai_edge_litert", extra="litert", why="profiling TFLite files"
        )
        found: Trace = profiler.trace(path, batch, threads, runs, WARMUP_RUNS)
        return found

    return Engine(_port(details), _port(result), run, computed if wanted else None, trace, holding, lent)


def _allocate(interpreter: Any, path: Path, shape: tuple[int, ...]) -> None:
    """For an input of this shape; InputError where the file cannot be run on one."""
    details = interpreter.get_input_details()[0]
    try:
        with quiet():
            if tuple(details["shape"]) != shape:
                interpreter.resize_tensor_input(details["index"], shape, strict=True)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{path}: LiteRT cannot run it on an input of shape {shape}: {first_line(error)}") from error


def signature(path: Path) -> Signature:
    """Raises InputError for a file that LiteRT cannot load."""
    interpreter = _interpreter(path, 1, bare=True, keep=True)
    inputs = tuple(map(_port, interpreter.get_input_details()))
    outputs = tuple(map(_port, interpreter.get_output_details()))
    return Signature(inputs, outputs, _precision_of(interpreter))


def precision(path: Path) -> Precision:
    """What the operators and weights of a file tell; InputError for one that LiteRT cannot load."""
    return _precision_of(_interpreter(path, 1, bare=True, keep=True))


def _precision_of(interpreter: Any) -> Precision:
    tensors = interpreter.get_tensor_details()
    dtypes = {details["index"]: details["dtype"] for details in tensors}
    scaled = {details["index"] for details in tensors if details["quantization_parameters"]["scales"].size}
    computed = _computed(interpreter)
    read = {int(index) for op in interpreter._get_ops_details() for index in op["inputs"] if index >= 0}
    values = {dtypes[index] for index in scaled.intersection(computed)}  # A class map of bytes has no scale.
    weights = {dtypes[index] for index in read.difference(computed)}
    if np.int16 in values:
        return "int16x8"
    if np.int8 in values or np.uint8 in values:
        return "int8"
    if np.int8 in weights:
        return "int8-dynamic"
    return "fp16" if np.float16 in weights else "fp32"


def _interpreter(path: Path, threads: int, *, bare: bool, keep: bool) -> Any:
    """`bare` runs it without delegates; `keep` leaves every tensor readable."""
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if bare else OpResolverType.AUTO
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return Interpreter(
                model_path=str(path),
                num_threads=threads,
                experimental_op_resolver_type=resolver,
                experimental_preserve_all_tensors=keep,
            )
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{path}: LiteRT cannot load it: {first_line(error)}; export it again") from error


def _computed(interpreter: Any) -> list[int]:
    """Indices of the tensors that operators write, in execution order; delegates write some of them again."""
    written = [int(index) for op in interpreter._get_ops_details() for index in op["outputs"] if index >= 0]
    return list(dict.fromkeys(written))


def _wanted(interpreter: Any, path: Path, watch: tuple[str, ...]) -> dict[int, str]:
    """Names of the tensors to give, all where none is watched: the input, then the others in execution order."""
    known = {tensor["index"]: tensor["name"] for tensor in interpreter.get_tensor_details()}
    names = {index: known[index] for index in (interpreter.get_input_details()[0]["index"], *_computed(interpreter))}
    wanted = set(watched(path, list(names.values()), watch))
    return {index: name for index, name in names.items() if name in wanted}


def _port(details: dict[str, Any]) -> Port:
    shape = tuple(None if side < 0 else int(side) for side in details["shape_signature"])
    scales = details["quantization_parameters"]["scales"]
    zero_points = details["quantization_parameters"]["zero_points"]
    quantization = Quantization(float(scales[0]), int(zero_points[0])) if len(scales) == 1 else None
    return Port(details["name"], shape, np.dtype(details["dtype"]).name, quantization)
