"""Options that several commands share."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from edgeseg.core.errors import InputError

__all__ = [
    "DATASETS",
    "MODEL_HELP",
    "MOST_THREADS",
    "NETWORK_HELP",
    "Accuracy",
    "At",
    "AtOption",
    "Calibration",
    "Classes",
    "Data",
    "Device",
    "Effort",
    "EffortOption",
    "Flip",
    "Float",
    "Format",
    "Head",
    "HeadOption",
    "Images",
    "Input",
    "InputKind",
    "LearnedRounding",
    "Method",
    "Out",
    "Output",
    "OutputKind",
    "Pass",
    "PerClass",
    "PerTensor",
    "Percentile",
    "Picture",
    "RangeMethod",
    "Resume",
    "Runtime",
    "Samples",
    "Scales",
    "Size",
    "Sort",
    "SortOption",
    "Split",
    "TableFormat",
    "Tables",
    "Target",
    "TargetOption",
    "Threads",
    "Weights",
    "Without",
    "folder",
]

_NETWORK = "Zoo name, smp:DECODER:ENCODER, timm:NAME, package.module:callable, .keras file"
NETWORK_HELP = f"{_NETWORK} or SavedModel folder."
MODEL_HELP = f"{_NETWORK}, SavedModel folder, or an .onnx/.tflite file."
MOST_THREADS = 1024
"""Of any machine, `--device` may name another one; how many make sense on this one, `core.cpu.check_threads` says."""


class Format(StrEnum):
    """What `--to` takes."""

    ONNX = "onnx"
    TFLITE = "tflite"


class Head(StrEnum):
    """What `--head` takes."""

    LOGITS = "logits"
    SCORES = "scores"
    CLASSMAP = "classmap"


class RangeMethod(StrEnum):
    """What `--method` takes."""

    MINMAX = "minmax"
    MOVING_AVERAGE = "moving-average"
    PERCENTILE = "percentile"
    MSE = "mse"
    ENTROPY = "entropy"


class Pass(StrEnum):
    """What `--without` takes."""

    BATCHNORM = "batchnorm"
    ACTIVATIONS = "activations"
    REDUCTIONS = "reductions"
    AVERAGE = "average"
    DECONV = "deconv"
    GROUPED = "grouped"
    SHUFFLE = "shuffle"
    POINTWISE = "pointwise"
    ALIGNMENT = "alignment"
    ELU = "elu"
    DILATED = "dilated"
    EQUALIZATION = "equalization"
    BIAS_CORRECTION = "bias-correction"


class Target(StrEnum):
    """What `--target` takes."""

    AUTO = "auto"
    X86_VNNI = "x86-vnni"
    X86_AVX2 = "x86-avx2"
    ARM = "arm"
    TFLITE_XNNPACK = "tflite-xnnpack"
    EDGETPU = "edgetpu"


class InputKind(StrEnum):
    """What `--input` takes."""

    AUTO = "auto"
    FLOAT = "float"
    INT8 = "int8"
    UINT8 = "uint8"
    UINT8_NCHW = "uint8-nchw"


class OutputKind(StrEnum):
    """What `--output` takes."""

    AUTO = "auto"
    FLOAT = "float"
    INT8 = "int8"


class Sort(StrEnum):
    """What `--sort` takes."""

    MODEL = "model"
    LATENCY = "latency"
    MIOU = "miou"
    SIZE = "size"


class Effort(StrEnum):
    """What `--effort` takes."""

    QUICK = "quick"
    DEFAULT = "default"
    STRICT = "strict"


class At(StrEnum):
    """What `--at` takes."""

    INPUT = "input"
    LABEL = "label"


class TableFormat(StrEnum):
    """What `--table` takes."""

    MD = "md"
    CSV = "csv"
    JSON = "json"


def folder(path: Path) -> Path:
    """A folder to write to, there or not; InputError where a file is in its way."""
    for each in (path, *path.parents):
        if os.path.isfile(each):  # noqa: PTH113 (Path.is_file raises where a folder on the way cannot be entered)
            raise InputError(f"--out {path}: {each} is a file, not a folder; choose another --out")
    return path


Out = Annotated[Path, typer.Option("--out", callback=folder, help="Workspace folder that the commands chain through.")]
Size = Annotated[str | None, typer.Option("--size", help="Input size HEIGHTxWIDTH; by default the model's own.")]
DATASETS = "scenes, cityscapes:PATH, camvid:PATH, folder:PATH or images:PATH."
Data = Annotated[str, typer.Option("--data", help=DATASETS)]
Split = Annotated[str | None, typer.Option("--split", help="Split of the dataset; by default its own choice.")]
Images = Annotated[
    int | None, typer.Option("--images", min=1, help="Images to measure accuracy on; default all, over ssh 16.")
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        help=r"Device of the runtime, see `edgeseg doctor`; or ssh://\[user@]host\[:port]\[/path/of/python] or "
        r"android:PATH of LiteRT's benchmark_model.",
    ),
]
Runtime = Annotated[str | None, typer.Option("--runtime", help="Runtime by name; by default the format's.")]
EffortOption = Annotated[
    Effort, typer.Option("--effort", help="How long times are taken; strict: MLPerf's 60 s and 1024 samples each.")
]
Threads = Annotated[int, typer.Option("--threads", min=1, max=MOST_THREADS, help="Threads that the runtime may use.")]
Classes = Annotated[int | None, typer.Option("--classes", min=2, help="Class count of the network (default 19).")]
Weights = Annotated[
    str | None,
    typer.Option("--weights", help="Checkpoint (.pth, .safetensors, TensorFlow's), or `random`; default built-in."),
]
HeadOption = Annotated[
    Head | None, typer.Option("--head", help="Output; scores are those before a final bilinear upsample.")
]
Samples = Annotated[int, typer.Option("--samples", min=1, help="Calibration images.")]
Method = Annotated[RangeMethod, typer.Option("--method", help="How activation ranges are taken.")]
Percentile = Annotated[
    float | None,
    typer.Option(
        "--percentile",
        min=50.0,
        max=100.0,
        help="Share in % that a range covers, with --method percentile; by default 99.99.",
    ),
]
Without = Annotated[
    list[Pass] | None, typer.Option("--without", help="Quantization pass to leave out; repeat it for several.")
]
Float = Annotated[
    list[str] | None,
    typer.Option(
        "--float",
        metavar="NAME",
        help="Operator to leave in float, named by the tensor that it gives; repeat it for several.",
    ),
]
PerTensor = Annotated[bool, typer.Option("--per-tensor", help="One scale for all channels of a layer's weights.")]
LearnedRounding = Annotated[
    bool, typer.Option("--learned-rounding", help="Learn from images how to round; pays with 16-bit activations.")
]
Input = Annotated[
    InputKind,
    typer.Option("--input", help="What the file takes; uint8: camera bytes, mean and std folded into the weights."),
]
Output = Annotated[OutputKind, typer.Option("--output", help="What scores come out as; int8: with scale, zero point.")]
TargetOption = Annotated[
    Target, typer.Option("--target", help="Processor that int8 is for; auto: what fits this one, see `edgeseg doctor`.")
]
Calibration = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        help="File of what calibration images showed, one for all the float files of the command. It is written where "
        "there is none; where there is, ranges need no image. Any --method and --percentile can be taken from it.",
    ),
]
Accuracy = Annotated[bool, typer.Option("--accuracy/--no-accuracy", help="Whether to measure mIoU.")]
Scales = Annotated[
    str, typer.Option("--scales", help="Scales of the image to average class probabilities over, like 0.75,1,1.25.")
]
Flip = Annotated[bool, typer.Option("--flip", help="Average over the mirrored image too.")]
AtOption = Annotated[At, typer.Option("--at", help="Size to count pixels at: the network's input's or the label's.")]
SortOption = Annotated[Sort, typer.Option("--sort", help="Order of the table's rows.")]
PerClass = Annotated[bool, typer.Option("--per-class", help="Also give the IoU of every class.")]
Picture = Annotated[bool, typer.Option("--picture/--no-picture", help="Draw input, label, float, int8 side by side.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where this command ended early, instead of anew.")]
Tables = Annotated[
    list[TableFormat] | None, typer.Option("--table", help="Table files to write beside the artifacts (default md).")
]
