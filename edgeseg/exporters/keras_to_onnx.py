"""Keras to ONNX with tf2onnx, channels-first at both ends, simplified by onnxsim."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tensorflow as tf

from edgeseg.core.protocols import ExporterDeclaration, ExportSpec
from edgeseg.core.quiet import quiet
from edgeseg.core.types import Artifact, Model, OutputFacts
from edgeseg.exporters.keras_composed import compose
from edgeseg.exporters.keras_program import signature, trace
from edgeseg.exporters.keras_shuffle import shuffle_planes
from edgeseg.exporters.program import Program, facts_of, unwritten
from edgeseg.exporters.simplify import simplify

with quiet():
    from tf2onnx import optimizer, tf_loader
    from tf2onnx.tfonnx import process_tf_graph

__all__ = ["DECLARATION", "OPSET", "export"]

DECLARATION = ExporterDeclaration(source="keras", format="onnx", package="tf2onnx", extra="tf")

OPSET = 18


def export(model: Model, spec: ExportSpec, path: Path) -> Artifact:
    """Write an NCHW float ONNX file with one input `image` and one output named after the head."""
    program = trace(model, spec)
    try:
        with quiet():
            onnx.save(_converted(program, spec), path)
    except OSError:
        raise
    except Exception as error:
        raise unwritten(model, "tf2onnx", error, "tflite") from error
    _correct(path, program.output, spec.batch, len(model.classes))
    notes = simplify(path)
    facts = facts_of(model, spec, program, "onnx", "NCHW", ("tensorflow", "keras", "tf2onnx", "onnx", "onnxsim"))
    return Artifact(path, replace(facts, notes=(*facts.notes, *notes)))


def _converted(program: Program, spec: ExportSpec) -> onnx.ModelProto:
    function = program.network.get_concrete_function(signature(spec))
    for op in function.graph.get_operations():  # Keras compiles convolutions in groups; such calls are not inlined.
        if "_XlaMustCompile" in op.node_def.attr:
            op._clear_attr("_XlaMustCompile")
    inputs, outputs = ([tensor.name for tensor in given] for given in (function.inputs[:1], function.outputs))
    frozen = tf_loader.from_function(function, inputs, outputs)
    with tf.Graph().as_default() as source:
        tf.import_graph_def(frozen, name="")
        graph = process_tf_graph(
            source,
            opset=OPSET,
            custom_rewriter=[shuffle_planes, compose],
            inputs_as_nchw=inputs,
            outputs_as_nchw=None if program.output.head == "classmap" else outputs,
            input_names=inputs,
            output_names=outputs,
            tensors_to_rename={inputs[0]: "image"},
        )
        return _optimized(graph).make_model(program.output.head)


def _optimized(graph: Any) -> Any:
    steps = {name: _collected(step) for name, step in optimizer._get_optimizers().items()}
    gc.collect()
    gc.freeze()  # What is left, TensorFlow above all, need not be searched at every step.
    try:
        return optimizer.optimize_graph(graph, optimizers=steps)
    finally:
        gc.unfreeze()


def _collected(step: Callable[[], Any]) -> Callable[[], Any]:
    """A step of tf2onnx's optimizer that first frees what the steps before it left.

    Each works on a copy of the graph, weights and all, and leaves the last one in cycles of references.
    """

    def new() -> Any:
        gc.collect()
        return step()

    return new


def _correct(path: Path, output: OutputFacts, batch: int, classes: int) -> None:
    model = onnx.load(path)
    _round_up_scales(model)
    _state_sizes(model)
    _declare_output(model, output, batch, classes)
    onnx.save(model, path)


def _round_up_scales(model: onnx.ModelProto) -> None:
    """A Resize makes floor(side * scale), which tf2onnx's rounded scales can leave one pixel short."""
    names = {node.input[2] for node in model.graph.node if node.op_type == "Resize" and len(node.input) > 2}
    for constant in model.graph.initializer:
        if constant.name in names:
            scales = onnx.numpy_helper.to_array(constant)
            larger = np.where(scales % 1, np.nextafter(scales, np.float32(np.inf)), scales)
            constant.CopyFrom(onnx.numpy_helper.from_array(larger, constant.name))


def _state_sizes(model: onnx.ModelProto) -> None:
    """Give resizings to the nearest pixel their sizes, for a rounded scale takes others of those midway between two."""
    graph = model.graph
    known = onnx.shape_inference.infer_shapes(model).graph
    sides = {
        value.name: [side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in (*known.value_info, *known.output)
    }
    for node in graph.node:
        nearest = any(each.name == "mode" and each.s == b"nearest" for each in node.attribute)
        size = sides.get(node.output[0], [])
        if node.op_type == "Resize" and nearest and len(node.input) == 3 and size and all(size):
            name = f"{node.output[0]}_size"
            graph.initializer.append(onnx.numpy_helper.from_array(np.array(size), name))
            node.input[:] = [*node.input[:2], "", name]


def _declare_output(model: onnx.ModelProto, output: OutputFacts, batch: int, classes: int) -> None:
    """Name the output and state its shape."""
    old = model.graph.output[0]
    for node in model.graph.node:
        node.output[:] = [output.head if name == old.name else name for name in node.output]
    size = [output.size.height, output.size.width]
    shape = [batch, *size] if output.head == "classmap" else [batch, classes, *size]
    old.CopyFrom(onnx.helper.make_tensor_value_info(output.head, old.type.tensor_type.elem_type, shape))
