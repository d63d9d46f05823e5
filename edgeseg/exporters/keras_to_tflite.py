"""Keras to TFLite with TensorFlow's converter."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from edgeseg.core.protocols import ExporterDeclaration, ExportSpec
from edgeseg.core.quiet import quiet
from edgeseg.core.types import Artifact, Model
from edgeseg.exporters.keras_program import trace
from edgeseg.exporters.program import facts_of, unwritten

__all__ = ["DECLARATION", "export"]

DECLARATION = ExporterDeclaration(source="keras", format="tflite", package="tensorflow", extra="tf")


def export(model: Model, spec: ExportSpec, path: Path) -> Artifact:
    """Write an NHWC float TFLite file of builtin operators."""
    program = trace(model, spec)
    try:
        with quiet():
            converter = tf.lite.TFLiteConverter.from_concrete_functions(
                [program.network.get_concrete_function()], program.network
            )
            path.write_bytes(converter.convert())
    except OSError:
        raise
    except Exception as error:
        raise unwritten(model, "TFLiteConverter", error, "onnx") from error
    return Artifact(path, facts_of(model, spec, program, "tflite", "NHWC", ("tensorflow", "keras")))
