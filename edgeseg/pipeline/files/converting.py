"""Float artifact to one in a precision that needs no calibration, tried on an image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from edgeseg import quantize as room
from edgeseg import runtimes
from edgeseg.core.container import write_facts
from edgeseg.core.errors import EdgesegError, InputError, QuantizeError
from edgeseg.core.files import atomic_path
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Artifact
from edgeseg.graphs import read_graph
from edgeseg.pipeline.files.counting import counted
from edgeseg.pipeline.files.pinning import pinned
from edgeseg.pipeline.measure.profiling import a_batch
from edgeseg.pipeline.workspace import check_target, quantized_path
from edgeseg.quantize.finished.operators import WEIGHTED
from edgeseg.quantize.finished.stored import Stored, check_stored, stored
from edgeseg.quantize.precisions import kind_of

__all__ = ["convert", "need_float", "try_out"]

_INTEGER = ("ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul")
_UNPACKING = ("Cast", "DEQUANTIZE", "DequantizeLinear")
"""What may stand before an operator whose weights are stored as others than it computes with."""
_FUSED = ("FusedConv", "FusedGemm", "FusedMatMul", "FusedMatMulActivation", "NhwcFusedConv")
_NCHWC = "com.microsoft.nchwc"
"""Whose operators take channels in blocks, as ONNX Runtime lays them out for one processor."""
_OTHER_FLOATS, _BYTES = ("float16", "bfloat16", "float64"), ("int8", "uint8", "int4")


def convert(
    source: Artifact, recipe: Recipe, path: Path | None = None, folder: Path | None = None
) -> tuple[Artifact, Stored]:
    """Write a float file with half floats or with activations quantized at run time, as the recipe's precision says.

    Returns the file, by default in `folder` with its precision in its name, and what its weights are stored as.

    Raises:
        InputError: A file that is not float, or a recipe that there is not.
        QuantizeError: The file could not be converted or does not run; nothing is left at `path`.
    """
    need_float(source)
    kind = kind_of(recipe)
    target = path or quantized_path(source.path, recipe.precision, folder)
    check_target(target, source.facts.format, [source.path])
    with atomic_path(target) as temporary, pinned(source) as fixed:
        converted = room.convert(fixed, recipe, temporary)
        found = stored(read_graph(temporary), kind.weights)
        check_stored(found, target)
        try_out(converted, fixed)
        facts = replace(counted(converted.facts, fixed), parent_sha256=source.sha256)
        write_facts(temporary, facts)
    return Artifact(target, facts), found


def need_float(source: Artifact) -> None:
    """Raise InputError for a file that is quantized already, has weights of another type than float32, or was optimized
    by ONNX Runtime, which no quantizer sees convolutions in.
    """
    if source.facts.precision != "fp32":
        raise InputError(f"{source.path}: it is {source.facts.precision} already; quantize the float file")
    nodes = read_graph(source.path).nodes
    fused = (node for node in nodes if node.domain == _NCHWC or (node.domain and node.op in _FUSED))
    if (node := next(fused, None)) is not None:
        problem = "is what ONNX Runtime makes of a file when it optimizes and saves it, and cannot be quantized"
        what = f"{node.op} {node.name or node.outputs[0].name} of {node.domain}"
        raise InputError(f"{source.path}: {what} {problem}; give the file from before that")
    weighted = [node for node in nodes if node.op in WEIGHTED or node.op in _INTEGER]
    read = {tensor.name for node in weighted for tensor in node.inputs}
    unpacked = [node for node in nodes if node.op in _UNPACKING and read.intersection(t.name for t in node.outputs)]
    weights = {tensor.name for node in (*weighted, *unpacked) for tensor in node.inputs}
    constants = (each for node in nodes for each in node.inputs if each.constant and len(each.shape) > 1)
    others = (
        each.dtype
        for each in constants
        if each.dtype in _OTHER_FLOATS or (each.dtype in _BYTES and each.name in weights)
    )
    if (other := next(others, None)) is not None:
        raise InputError(f"{source.path}: it holds weights in {other}; give the file with all of them in float32")


def try_out(written: Artifact, source: Artifact) -> None:
    """Run a file just written of a float one, `source`; QuantizeError where it cannot be run or gives no numbers.

    Infinity is one where the float file gives it too.
    """
    precision = written.facts.precision
    try:
        with runtimes.open_session(written, threads=1) as session:
            result = session.run(a_batch(written))
    except EdgesegError as error:
        problem = str(error).replace(str(written.path), precision).partition("; export it again")[0]
        raise QuantizeError(f"{source.path}: {problem}; use another precision") from error
    if np.isfinite(result).all():
        return
    with runtimes.open_session(source, threads=1) as session:  # A logarithm of softmax is infinite in float too.
        is_finite = np.isfinite(session.run(a_batch(source))).all()
    if is_finite or np.isnan(result).any():
        raise QuantizeError(f"{source.path}: it overflows in {precision}; use another precision")
