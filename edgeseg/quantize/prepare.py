"""A float ONNX file made ready for quantization: constants folded, BatchNormalization gone, every operator named."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import onnx
import onnxruntime
from onnx.shape_inference import infer_shapes
from onnx.version_converter import convert_version

from edgeseg.core.errors import QuantizeError, first_line
from edgeseg.quantize.passes import PASSES, blamed_on_pass
from edgeseg.quantize.passes.activations import expand_activations
from edgeseg.quantize.passes.average import convolve_averages
from edgeseg.quantize.passes.batchnorm import fold_batchnorm
from edgeseg.quantize.passes.deconv import convolve_transposed
from edgeseg.quantize.passes.edit import drop_unread
from edgeseg.quantize.passes.gemm import flatten_biases, take_factors_in
from edgeseg.quantize.passes.grouped import regroup_convolutions
from edgeseg.quantize.passes.pointwise import convolve_early
from edgeseg.quantize.passes.reductions import pool_reductions
from edgeseg.quantize.passes.resize import pad_all_axes, resize_all_axes
from edgeseg.quantize.passes.shuffle import convolve_shuffles
from edgeseg.quantize.weights.finite import check_finite
from edgeseg.quantize.weights.finite_onnx import weights_of

__all__ = ["opset", "prepare"]

_LONE_WEIGHTS = 4
"""Version of the format since which weights need be no inputs."""
_OLDEST_OPSET, _OPSET = 13, 18
"""Per-channel DequantizeLinear came with opset 13."""
_PLACES_SINCE = 11
"""Opset in which Resize began to say how it places pixels."""

_REWRITES = {
    "batchnorm": fold_batchnorm,
    "activations": expand_activations,
    "reductions": pool_reductions,
    "average": convolve_averages,
    "deconv": convolve_transposed,
    "grouped": regroup_convolutions,
    "shuffle": convolve_shuffles,
    "pointwise": convolve_early,
}


def prepare(path: Path, target: Path, passes: Collection[str] = PASSES) -> tuple[onnx.ModelProto, dict[str, int]]:
    """Write to `target` the same function as `path`, with standard operators only.

    Returns it and how often each pass that it was told to make applied.

    ONNX Runtime's basic optimizations fold constants and what follows a convolution into its weights; the passes of
    `edgeseg.quantize.passes` do what is left. Tensors keep their names where they stay. Raises QuantizeError.
    """
    try:
        model = onnx.load(path)
        check_finite(weights_of(model), path)
        _keep_weights_in(model)
        _leave_out_inputs(model)
        model = _optimized(_brought_up(model), target)
        _refuse_branches(model, path)
        model = infer_shapes(model, data_prop=True)
        take_factors_in(model)
        flatten_biases(model)
        resize_all_axes(model)
        pad_all_axes(model)
        done: dict[str, int] = {}
        for name, rewrite in _REWRITES.items():
            with blamed_on_pass(name, path):
                count = rewrite(model) if name in passes else 0
            if count:
                done[name] = count
                model = infer_shapes(model, data_prop=True)
        drop_unread(model)
        _name_nodes(model)
        model = infer_shapes(model, data_prop=True)
        onnx.save(model, target)
    except (OSError, QuantizeError):
        raise
    except Exception as error:
        raise QuantizeError(f"{path}: ONNX Runtime cannot prepare it: {first_line(error)}; export it again") from error
    return model, done


def opset(model: onnx.ModelProto) -> int:
    """Version of the standard operators that a model is written in."""
    return next((int(entry.version) for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 1)


def _brought_up(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same in a version that int8 can be written in."""
    given = opset(model)
    if given >= _OLDEST_OPSET:
        return model
    model = convert_version(model, _OPSET)
    for node in model.graph.node if given < _PLACES_SINCE else ():
        if node.op_type == "Resize":  # The converter leaves out how these placed them, and they would do it otherwise.
            node.attribute.append(onnx.helper.make_attribute("coordinate_transformation_mode", "asymmetric"))
            node.attribute.append(onnx.helper.make_attribute("nearest_mode", "floor"))
    return model


def _optimized(model: onnx.ModelProto, scratch: Path) -> onnx.ModelProto:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(scratch)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    optimized = onnx.load(scratch)
    used = {node.domain for node in optimized.graph.node} | {""}
    imports = [entry for entry in optimized.opset_import if entry.domain in used]
    del optimized.opset_import[:]
    optimized.opset_import.extend(imports)
    del optimized.metadata_props[:]
    optimized.metadata_props.extend(model.metadata_props)
    return optimized


def _keep_weights_in(model: onnx.ModelProto) -> None:
    """Older files list their weights among the inputs too, as what anybody may replace."""
    weights = {constant.name for constant in model.graph.initializer}
    for value in [value for value in model.graph.input if value.name in weights]:
        model.graph.input.remove(value)
    model.ir_version = max(model.ir_version, _LONE_WEIGHTS)


def _leave_out_inputs(model: onnx.ModelProto) -> None:
    """Of the outputs, which ONNX Runtime's tools take to be computed."""
    inputs = {value.name for value in model.graph.input}
    for value in [value for value in model.graph.output if value.name in inputs]:
        model.graph.output.remove(value)


def _refuse_branches(model: onnx.ModelProto, path: Path) -> None:
    """Raise QuantizeError where an operator runs a graph of its own, which may read any tensor outside of it."""
    graphs = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
    for node in model.graph.node:
        if any(attribute.type in graphs for attribute in node.attribute):
            raise QuantizeError(
                f"{path}: {node.op_type} {node.name or node.output[0]} holds a graph of its own, which is not looked "
                "into; export the network again without it, for one input size"
            )


def _name_nodes(model: onnx.ModelProto) -> None:
    """ONNX Runtime's quantizer tells operators apart by name, which a file need not give."""
    taken: set[str] = set()
    for i, node in enumerate(model.graph.node):
        if not node.name or node.name in taken:
            node.name = f"{node.op_type}_{i}_{node.output[0]}"
        taken.add(node.name)
