"""ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnxruntime
from numpy.typing import NDArray

from edgeseg.core.container import OUTPUT_SCALE, OUTPUT_ZERO_POINT
from edgeseg.core.errors import InputError, MeasureError, first_line
from edgeseg.core.files import temporary_folder
from edgeseg.core.onnx_wire import weight_types
from edgeseg.core.parts import mapped
from edgeseg.core.profile import Trace
from edgeseg.core.protocols import RuntimeDeclaration
from edgeseg.core.registry import load
from edgeseg.core.types import Artifact, Model, Precision
from edgeseg.runtimes.engine import WARMUP_RUNS, Engine, Port, Quantization, Signature
from edgeseg.runtimes.onnxruntime_trace import read_trace
from edgeseg.runtimes.session import Session

__all__ = ["DECLARATION", "devices", "open_session", "precision", "signature"]

DECLARATION = RuntimeDeclaration(
    format="onnx", package="onnxruntime", extra="onnx", devices=("cpu", "cuda"), default=True
)

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_DTYPES = {"tensor(float)": "float32", "tensor(double)": "float64"}
_INTEGER_OPS: dict[str, Precision] = {
    "DynamicQuantizeLinear": "int8-dynamic",
    "ConvInteger": "int8-dynamic",
    "MatMulInteger": "int8-dynamic",
    "QuantizeLinear": "int8",
    "QLinearConv": "int8",
}

_INT8, _INT16, _HALF = {2, 3}, {4, 5}, {10, 16}
"""Of TensorProto.DataType: bytes, the zero points of 16-bit activations, and half floats of either kind."""


def devices() -> tuple[str, ...]:
    """Those that the installed build can use."""
    available = onnxruntime.get_available_providers()
    return tuple(device for device, provider in _PROVIDERS.items() if provider in available)


def open_session(
    source: Artifact | Model, threads: int, *, device: str, tensors: bool, watch: tuple[str, ...]
) -> Session:
    """Open an .onnx file; `tensors` and `watch` need the package onnx.

    Raises InputError for a file that it cannot load.
    """
    assert isinstance(source, Artifact)
    return Session(source.facts, _engine(source.path, threads, device, tensors, watch))


def _engine(path: Path, threads: int, device: str, tensors: bool, watch: tuple[str, ...]) -> Engine:
    """Runs the first output."""
    names: list[str] = []
    model: Path | bytes = path
    if tensors or watch:
        names, model = load(
            "edgeseg.runtimes", "onnx_tensors", package="onnx", extra="onnx", why="looking inside an ONNX file"
        ).with_outputs(path, watch)
    session = _session(path, model, threads, _PROVIDERS[device], spin=not names)
    given = _port(session.get_inputs()[0])
    result = _port(session.get_outputs()[0], session.get_modelmeta().custom_metadata_map)

    def outputs(wanted: list[str], batch: NDArray[Any]) -> Any:
        try:
            return session.run(wanted, {given.name: batch})
        except Exception as error:
            raise MeasureError(f"{path}: ONNX Runtime cannot run it: {first_line(error)}") from error

    def run(batch: NDArray[Any]) -> NDArray[Any]:
        values: NDArray[Any] = outputs([result.name], batch)[0]
        return values

    def computed(batch: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
        if given.name in names:
            yield given.name, batch
        inner = [name for name in names if name != given.name]
        if inner:  # None would give the file's own outputs.
            yield from zip(inner, outputs(inner, batch), strict=True)

    def trace(batch: NDArray[Any], runs: int) -> Trace:
        with temporary_folder() as folder:
            profiled = _session(path, model, threads, _PROVIDERS[device], profile=folder / "trace")
            for _ in range(WARMUP_RUNS + runs):
                profiled.run([result.name], {given.name: batch})
            return read_trace(Path(profiled.end_profiling()), WARMUP_RUNS)

    return Engine(given, result, run, computed if names else None, trace)


def signature(path: Path) -> Signature:
    """Raises InputError for a file that ONNX Runtime cannot load."""
    session = _session(path, path, 1, _PROVIDERS["cpu"], optimize=False)
    inputs, outputs = tuple(map(_port, session.get_inputs())), tuple(map(_port, session.get_outputs()))
    return Signature(inputs, outputs, precision(path))


def precision(path: Path) -> Precision:
    """What the operators and weights of a file tell; InputError for one that is none."""
    model = mapped(path)

    def has(op: str) -> bool:  # Field 4 of a NodeProto is its operator's name.
        return model.find(b"\x22" + bytes([len(op)]) + op.encode()) >= 0

    found: Precision = next((kind for op, kind in _INTEGER_OPS.items() if has(op)), "fp32")
    try:
        types = weight_types(model)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
    if found == "int8" and {kind for kind, _ in types} & _INT16:
        return "int16x8"
    arrays = {kind for kind, rank in types if rank > 1}
    if found == "fp32" and arrays & _INT8 and has("DequantizeLinear"):  # Weights alone, as LiteRT's are told.
        return "int8-dynamic"
    return "fp16" if found == "fp32" and arrays and arrays <= _HALF else found


def _session(
    path: Path,
    model: Path | bytes,
    threads: int,
    provider: str,
    *,
    optimize: bool = True,
    spin: bool = True,
    profile: Path | None = None,
) -> Any:
    """`spin` lets threads wait busily between runs: the next one starts sooner, what is done meanwhile has no core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    if not spin:
        options.add_session_config_entry("session.force_spinning_stop", "1")
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    try:
        return onnxruntime.InferenceSession(model, options, providers=[provider])
    except Exception as error:
        again = "export it again"
        if "NOT_IMPLEMENTED" in str(error):  # Of an operator for this type, as a rule float16 or float64.
            again = "export it again in float32"
        raise InputError(f"{path}: ONNX Runtime cannot load it: {first_line(error)}; {again}") from error


def _port(argument: Any, metadata: dict[str, str] | None = None) -> Port:
    shape = tuple(side if isinstance(side, int) else None for side in argument.shape)
    dtype = _DTYPES.get(argument.type, argument.type.removeprefix("tensor(").removesuffix(")"))
    quantization = None
    if metadata and OUTPUT_SCALE in metadata:
        quantization = Quantization(float(metadata[OUTPUT_SCALE]), int(metadata[OUTPUT_ZERO_POINT]))
    return Port(argument.name, shape, dtype, quantization)
