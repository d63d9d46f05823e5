"""Keras to ONNX with tf2onnx, channels-first at both ends, simplified by onnxsim."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import tensorflow as tf

from edgeseg.core.errors import ExportError, first_line
from edgeseg.core.protocols import ExporterDeclaration, ExportSpec
from edgeseg.core.types import Artifact, Model
from edgeseg.exporters.keras_program import trace
from edgeseg.exporters.program import facts_of
from edgeseg.exporters.quiet import quiet
from edgeseg.exporters.simplify import simplify

with quiet():
    import tf2onnx

__all__ = ["DECLARATION", "OPSET", "export"]

DECLARATION = ExporterDeclaration(source="keras", format="onnx", package="tf2onnx", extra="tf")

OPSET = 18


def export(model: Model, spec: ExportSpec, path: Path) -> Artifact:
    """Write an NCHW float ONNX file with one input `image` and one output named after the head."""
    program = trace(model, spec)
    head = program.output.head
    signature = tf.TensorSpec((spec.batch, spec.size.height, spec.size.width, 3), tf.float32, name="image")

    @tf.function(autograph=False, input_signature=[signature])
    def named(image: object) -> object:
        return tf.identity(program.network(image), name=head)

    outputs = None if head == "classmap" else ["Identity:0"]
    try:
        with quiet():
            tf2onnx.convert.from_function(
                named,
                [signature],
                opset=OPSET,
                inputs_as_nchw=["image:0"],
                outputs_as_nchw=outputs,
                output_path=str(path),
            )
    except Exception as error:
        raise ExportError(f"{model.name}: tf2onnx cannot write it: {first_line(error)}") from error
    notes = simplify(path)
    facts = facts_of(model, spec, program, "onnx", "NCHW", ("tensorflow", "keras", "tf2onnx", "onnx", "onnxsim"))
    return Artifact(path, replace(facts, notes=notes))
