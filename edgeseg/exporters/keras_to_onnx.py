"""Keras to ONNX with tf2onnx, channels-first at both ends, simplified by onnxsim."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx

from edgeseg.core.errors import ExportError, first_line
from edgeseg.core.protocols import ExporterDeclaration, ExportSpec
from edgeseg.core.types import Artifact, Model
from edgeseg.exporters.keras_program import signature, trace
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
    outputs = None if head == "classmap" else ["Identity:0"]
    try:
        with quiet():
            tf2onnx.convert.from_function(
                program.network,
                [signature(spec)],
                opset=OPSET,
                inputs_as_nchw=["image:0"],
                outputs_as_nchw=outputs,
                output_path=str(path),
            )
    except Exception as error:
        raise ExportError(f"{model.name}: tf2onnx cannot write it: {first_line(error)}") from error
    _name_output(path, head)
    notes = simplify(path)
    facts = facts_of(model, spec, program, "onnx", "NCHW", ("tensorflow", "keras", "tf2onnx", "onnx", "onnxsim"))
    return Artifact(path, replace(facts, notes=notes))


def _name_output(path: Path, name: str) -> None:
    model = onnx.load(path)
    output = model.graph.output[0]
    for node in model.graph.node:
        node.output[:] = [name if given == output.name else given for given in node.output]
    output.name = name
    onnx.save(model, path)
