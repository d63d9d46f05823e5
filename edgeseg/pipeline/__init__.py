"""Build, export, quantize, measure: the one way through the rooms. The command line calls this and adds nothing."""

from __future__ import annotations

from edgeseg.pipeline.files.converting import convert
from edgeseg.pipeline.files.exporting import export
from edgeseg.pipeline.files.keeping import keep_at
from edgeseg.pipeline.files.quantizing import float_artifacts
from edgeseg.pipeline.files.unfinished import Unfinished
from edgeseg.pipeline.gates.gating import gate
from edgeseg.pipeline.images import calibration_note, calibration_stamp, evaluation_stamp
from edgeseg.pipeline.measure.benching import bench
from edgeseg.pipeline.quantizing import quantize
from edgeseg.pipeline.training import train
from edgeseg.pipeline.workspace import quantized_path
from edgeseg.pipeline.worth.ablating import ablate
from edgeseg.pipeline.worth.again import Again, kept
from edgeseg.pipeline.worth.evidence import leave_slow
from edgeseg.pipeline.worth.fidelity import fidelity
from edgeseg.pipeline.worth.judging import judge
from edgeseg.pipeline.worth.mixing import Budget, known_beside, mix

__all__ = [
    "Again",
    "Budget",
    "Unfinished",
    "ablate",
    "bench",
    "calibration_note",
    "calibration_stamp",
    "convert",
    "evaluation_stamp",
    "export",
    "fidelity",
    "float_artifacts",
    "gate",
    "judge",
    "keep_at",
    "kept",
    "known_beside",
    "leave_slow",
    "mix",
    "quantize",
    "quantized_path",
    "train",
]
