"""Build, export, quantize, measure: the one way through the rooms. The command line calls this and adds nothing."""

from __future__ import annotations

from edgeseg.pipeline.again import Again, kept
from edgeseg.pipeline.benching import bench
from edgeseg.pipeline.evidence import leave_slow
from edgeseg.pipeline.exporting import export
from edgeseg.pipeline.judging import judge
from edgeseg.pipeline.quantizing import float_artifacts, quantize, quantize_with_report
from edgeseg.pipeline.training import train

__all__ = [
    "Again",
    "bench",
    "export",
    "float_artifacts",
    "judge",
    "kept",
    "leave_slow",
    "quantize",
    "quantize_with_report",
    "train",
]
