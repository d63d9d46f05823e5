from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.core.errors import QuantizeError
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Format
from edgeseg.quantize.finished.ends import check_ends
from tests.quantize.finished.test_report import graph

ONNX = """
    QuantizeLinear: fimage -> u1
    Conv: fimage Kfweight -> fstem
    DequantizeLinear: u1 -> f2
    Add: fstem f2 -> f3
    LogSoftmax: f3 -> fout
"""


@pytest.mark.parametrize(
    ("recipe", "problem"),
    [
        (Recipe(input="int8"), "its input cannot be int8, for Conv fstem computes in float; leave out --input"),
        (Recipe(input="int8", floating=("fstem",)), "leave out --input or --float fstem"),
        (Recipe(output="int8"), "its output cannot be int8, for LogSoftmax fout computes in float; leave out --output"),
    ],
)
def test_ends_in_float(recipe: Recipe, problem: str) -> None:
    with pytest.raises(QuantizeError, match=f"net.onnx: .*{problem}$"):
        check_ends(graph("onnx", ONNX), recipe, Path("net.onnx"))


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(input="float", output="float"), Recipe(input="uint8")])
def test_what_nobody_asked_for(recipe: Recipe) -> None:
    check_ends(graph("onnx", ONNX), recipe, Path("net.onnx"))


@pytest.mark.parametrize(("format", "op"), [("onnx", "QLinearConv"), ("tflite", "CONV_2D")])
def test_ends_in_int8(format: Format, op: str) -> None:
    check_ends(graph(format, f"{op}: uimage Kiweight -> uout"), Recipe(input="int8", output="int8"), Path("net"))
