"""PyTorch to ONNX with the dynamo exporter, simplified by onnxsim."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import torch

from edgeseg.core.protocols import ExporterDeclaration, ExportSpec
from edgeseg.core.quiet import quiet
from edgeseg.core.types import Artifact, Model
from edgeseg.exporters.passes import rewritten
from edgeseg.exporters.program import facts_of, unwritten
from edgeseg.exporters.simplify import simplify
from edgeseg.exporters.torch_program import trace

__all__ = ["DECLARATION", "OPSET", "export"]

DECLARATION = ExporterDeclaration(source="torch", format="onnx", package="torch", extra="torch")

OPSET = 18


def export(model: Model, spec: ExportSpec, path: Path) -> Artifact:
    """Write an NCHW float ONNX file with one input `image` and one output named after the head."""
    program = trace(model, spec)
    image = torch.zeros(spec.batch, 3, spec.size.height, spec.size.width)
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                rewritten(program.network, "onnx"),
                (image,),
                path,
                dynamo=True,
                opset_version=OPSET,
                input_names=["image"],
                output_names=[program.output.head],
                external_data=False,
                verbose=False,
            )
    except OSError:
        raise
    except Exception as error:
        raise unwritten(model, "torch.onnx", _root(error), "tflite") from error
    notes = simplify(path)
    facts = facts_of(model, spec, program, "onnx", "NCHW", ("torch", "onnx", "onnxscript", "onnxsim"))
    return Artifact(path, replace(facts, notes=(*facts.notes, *notes)))


def _root(error: BaseException) -> BaseException:
    """What the exporter's own errors are about, which is where the operator is named."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error
