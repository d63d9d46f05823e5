"""LiteRT, the successor of TensorFlow Lite; its predecessor tflite_runtime serves where that is all there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError, MeasureError, first_line
from edgeseg.core.protocols import RuntimeDeclaration
from edgeseg.core.types import Artifact, Model
from edgeseg.runtimes.engine import Port, Quantization, Signature
from edgeseg.runtimes.session import Session

try:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
except ModuleNotFoundError:
    from tflite_runtime.interpreter import Interpreter, OpResolverType

__all__ = ["DECLARATION", "open_engine", "open_session", "signature"]

DECLARATION = RuntimeDeclaration(format="tflite", package="ai_edge_litert", extra="litert")


def open_session(source: Artifact | Model, threads: int, *, device: str, tensors: bool) -> Session:
    """Open a .tflite file; `tensors` runs it on the reference path, without XNNPACK."""
    assert isinstance(source, Artifact)
    return Session(source.facts, open_engine(source.path, source.facts.input.shape, threads, device, tensors))


def open_engine(path: Path, shape: tuple[int, ...], threads: int, device: str, tensors: bool) -> _Engine:
    """Raises InputError for a file that LiteRT cannot load, or not for an input of this shape."""
    interpreter = _interpreter(path, threads, bare=tensors)
    details = interpreter.get_input_details()[0]
    try:
        if tuple(details["shape"]) != shape:
            interpreter.resize_tensor_input(details["index"], shape, strict=True)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{path}: LiteRT cannot take an input of shape {shape}: {first_line(error)}") from error
    return _Engine(interpreter, path, tensors)


def signature(path: Path) -> Signature:
    """Raises InputError for a file that LiteRT cannot load."""
    interpreter = _interpreter(path, 1, bare=True)
    dtypes = {details["index"]: details["dtype"] for details in interpreter.get_tensor_details()}
    int8 = any(dtypes[index] in (np.int8, np.uint8) for index in _computed(interpreter))
    inputs = tuple(map(_port, interpreter.get_input_details()))
    outputs = tuple(map(_port, interpreter.get_output_details()))
    return Signature(inputs, outputs, "int8" if int8 else "fp32")


def _interpreter(path: Path, threads: int, *, bare: bool) -> Any:
    """`bare` keeps every tensor readable, which delegates do not."""
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if bare else OpResolverType.AUTO
    try:
        return Interpreter(
            model_path=str(path),
            num_threads=threads,
            experimental_op_resolver_type=resolver,
            experimental_preserve_all_tensors=bare,
        )
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{path}: LiteRT cannot load it: {first_line(error)}; export it again") from error


def _computed(interpreter: Any) -> list[int]:
    """Indices of the tensors that operators write, in execution order."""
    return [int(index) for op in interpreter._get_ops_details() for index in op["outputs"] if index >= 0]


def _port(details: dict[str, Any]) -> Port:
    shape = tuple(None if side < 0 else int(side) for side in details["shape_signature"])
    scales = details["quantization_parameters"]["scales"]
    zero_points = details["quantization_parameters"]["zero_points"]
    quantization = Quantization(float(scales[0]), int(zero_points[0])) if len(scales) == 1 else None
    return Port(details["name"], shape, np.dtype(details["dtype"]).name, quantization)


@final
class _Engine:
    """Runs the first output."""

    def __init__(self, interpreter: Any, path: Path, has_tensors: bool) -> None:
        self._interpreter = interpreter
        self._path = path
        self._has_tensors = has_tensors
        self._input_index = interpreter.get_input_details()[0]["index"]
        self._output_index = interpreter.get_output_details()[0]["index"]
        self.input = _port(interpreter.get_input_details()[0])
        self.output = _port(interpreter.get_output_details()[0])

    def run(self, batch: NDArray[Any]) -> NDArray[Any]:
        self._invoke(batch)
        result: NDArray[Any] = self._interpreter.get_tensor(self._output_index)
        return result

    def tensors(self, batch: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
        if not self._has_tensors:
            raise InputError(f"{self._path}: its tensors can be read only if it is opened with tensors=True")
        self._invoke(batch)
        names = {details["index"]: details["name"] for details in self._interpreter.get_tensor_details()}
        yield self.input.name, batch
        for index in _computed(self._interpreter):
            yield names[index], self._interpreter.get_tensor(index)

    def close(self) -> None:
        self._interpreter = None

    def _invoke(self, batch: NDArray[Any]) -> None:
        try:
            self._interpreter.set_tensor(self._input_index, batch)
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise MeasureError(f"{self._path}: LiteRT cannot run it: {first_line(error)}") from error
