from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.core.errors import QuantizeError
from edgeseg.core.graph import Graph, Node, Tensor
from edgeseg.core.types import Format
from edgeseg.quantize.finished.report import int8_report, verify

DTYPES = {"i": "int8", "u": "uint8", "f": "float32", "n": "int64"}


def graph(format: Format, text: str) -> Graph:
    """Lines `Op: inputs -> outputs`; a tensor's first letter says its dtype, a capital K that it is constant."""

    def tensor(word: str) -> Tensor:
        return Tensor(word, (1, 2), DTYPES[word.lstrip("K")[0]], constant=word[0] == "K")

    nodes = []
    for line in text.strip().splitlines():
        op, _, rest = line.strip().partition(": ")
        given, taken = ([tensor(word) for word in side.split()] for side in rest.split("->"))
        nodes.append(Node(op, tuple(given), tuple(taken)))
    return Graph(format, tuple(nodes), nodes[0].inputs[:1], nodes[-1].outputs, 0)


QDQ = """
    QuantizeLinear: fimage -> u1
    DequantizeLinear: u1 -> f1
    DequantizeLinear: Ki -> fweight
    Conv: f1 fweight -> f2
    QuantizeLinear: f2 -> u2
    DequantizeLinear: u2 -> f3
    {}
"""


@pytest.mark.parametrize(
    ("rest", "int8", "floating"),
    [
        ("PRelu: f3 -> fout", ["Conv"], ["PRelu"]),
        ("PRelu: f3 Kfslope -> f4 \n QuantizeLinear: f4 -> uout", ["Conv"], ["PRelu"]),
        ("MaxPool: f3 -> f4 \n QuantizeLinear: f4 -> uout", ["Conv", "MaxPool"], []),
        ("MaxPool: f3 -> fout", ["Conv"], ["MaxPool"]),
        ("Add: f3 Kf -> f4 \n QuantizeLinear: f4 -> uout", ["Conv"], ["Add"]),
        ("Resize: f3 Kf -> f4 \n QuantizeLinear: f4 -> uout", ["Conv", "Resize"], []),
        ("Add: f3 f3 -> f4 \n Relu: f4 -> f5 \n QuantizeLinear: f5 -> uout", ["Conv", "Add", "Relu"], []),
        ("Add: f3 f3 -> f4 \n Relu: f4 -> f5 \n Exp: f5 -> fout", ["Conv"], ["Add", "Relu", "Exp"]),
        ("ArgMax: f3 -> nout", ["Conv", "ArgMax"], []),
        ("Gather: Kn Kn -> nout", ["Conv"], []),
        ("QLinearAdd: u2 Kfscale -> uout", ["Conv", "QLinearAdd"], []),
    ],
)
def test_onnx_operators(rest: str, int8: list[str], floating: list[str]) -> None:
    report = int8_report(graph("onnx", QDQ.format(rest)))
    assert sorted(report.int8) == sorted(int8)
    assert sorted(report.floating) == sorted(floating)


def test_a_convolution_whose_output_is_also_read_in_float_is_float() -> None:
    report = int8_report(graph("onnx", QDQ.format("Exp: f2 -> fout")))
    assert report.floating == {"Conv": 1, "Exp": 1}


def test_tflite_operators_and_summary() -> None:
    text = """
        QUANTIZE: fimage -> i1
        CONV_2D: i1 Ki -> i2
        CONV_2D: i2 Ki -> i3
        RESHAPE: i3 Kn -> i4
        DEQUANTIZE: i4 -> f1
        ARG_MAX: f1 Kn -> n1
        FULLY_CONNECTED: f1 Kf -> f2
        ARG_MAX: f2 Kn -> n2
        SHAPE: n1 -> n3
    """
    report = int8_report(graph("tflite", text))
    assert report.int8 == {"CONV_2D": 2, "RESHAPE": 1}
    assert report.floating == {"ARG_MAX": 2, "FULLY_CONNECTED": 1}
    expected = "3 of 6 operators quantized, 67 % of the convolutions; in float: 2 ARG_MAX, 1 FULLY_CONNECTED"
    assert report.summary() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Conv: fimage Kf -> f1\nMul: f1 Kf -> fscores", r"net\.onnx: no convolution came out in int8 \(0 of 2"),
        ("Mul: fimage Kf -> fscores", r"net\.onnx: there is no convolution in it to quantize"),
    ],
)
def test_nothing_of_int8_is_one_thing_and_no_convolution_another(text: str, message: str) -> None:
    with pytest.raises(QuantizeError, match=message):
        verify(int8_report(graph("onnx", text)), Path("net.onnx"))
