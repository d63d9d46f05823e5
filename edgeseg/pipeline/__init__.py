"""Build, export, quantize, measure: the one way through the rooms. The command line calls this and adds nothing."""

from __future__ import annotations

from edgeseg.pipeline.ablating import ablate
from edgeseg.pipeline.again import Again, kept
from edgeseg.pipeline.benching import bench
from edgeseg.pipeline.converting import convert
from edgeseg.pipeline.evidence import leave_slow
from edgeseg.pipeline.exporting import export
from edgeseg.pipeline.gating import gate
from edgeseg.pipeline.judging import judge
from edgeseg.pipeline.mixing import Budget, mix
from edgeseg.pipeline.quantizing import float_artifacts, quantize, quantize_with_report
from edgeseg.pipeline.training import train
from edgeseg.pipeline.workspace import quantized_path

__all__ = [
    "Again",
    "Budget",
    "ablate",
    "bench",
    "convert",
    "export",
    "float_artifacts",
    "gate",
    "judge",
    "kept",
    "leave_slow",
    "mix",
    "quantize",
    "quantize_with_report",
    "quantized_path",
    "train",
]
