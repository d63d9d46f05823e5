"""PyTorch to TFLite with litert-torch, channels-last at both ends."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from edgeseg.core.protocols import ExporterDeclaration, ExportSpec
from edgeseg.core.quiet import quiet
from edgeseg.core.types import Artifact, Model
from edgeseg.exporters.passes import rewritten
from edgeseg.exporters.program import facts_of, unwritten
from edgeseg.exporters.torch_program import trace

with quiet(), warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import litert_torch

__all__ = ["DECLARATION", "export"]

DECLARATION = ExporterDeclaration(source="torch", format="tflite", package="litert_torch", extra="tflite")


def export(model: Model, spec: ExportSpec, path: Path) -> Artifact:
    """Write an NHWC float TFLite file."""
    program = trace(model, spec)
    image = torch.zeros(spec.batch, spec.size.height, spec.size.width, 3)
    outputs = [] if program.output.head == "classmap" else [0]
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network = litert_torch.to_channel_last_io(rewritten(program.network, "tflite"), args=[0], outputs=outputs)
            content = litert_torch.convert(network, (image,)).model_content()
    except Exception as error:
        raise unwritten(model, "litert-torch", error, "onnx") from error
    path.write_bytes(content)
    return Artifact(path, facts_of(model, spec, program, "tflite", "NHWC", ("torch", "litert-torch")))
