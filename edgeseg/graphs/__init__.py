"""Finished files as lists of operators, one reader per format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeseg.core.container import file_format
from edgeseg.core.graph import Graph
from edgeseg.core.registry import load

__all__ = ["read_graph", "write_pinned"]

_NEEDS = {"onnx": ("onnx", "onnx"), "tflite": ("ai_edge_litert", "litert")}


def read_graph(path: Path) -> Graph:
    """Read an .onnx or .tflite file without running it.

    Operators have the format's own names, in execution order. `params` counts the scalars of the constants that a
    network learns: weights, biases, scales of a normalization; each constant once, a quantized one by its integers. Not
    counted: quantization scales and zero points, shapes and axes, padding values and lone scalars. A folded BatchNorm
    thus counts the one bias per channel that is left of it, and TFLite has a bias, if only of zeros, in every
    convolution.

    Raises:
        InputError: A file that is missing, damaged or of another kind, or whose weights are not beside it.
        MissingDependency: The package that reads the format is not installed.
    """
    graph: Graph = _module(path).read_graph(path)
    return graph


def write_pinned(path: Path, shape: tuple[int, ...], target: Path) -> None:
    """Write the same network for an image input of this shape alone; raises MissingDependency as `read_graph` does."""
    _module(path).write_pinned(path, shape, target)


def _module(path: Path) -> Any:
    format = file_format(path)
    package, extra = _NEEDS[format]
    return load("edgeseg.graphs", format, package=package, extra=extra, why=f"reading the operators of {path}")
