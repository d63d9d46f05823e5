from __future__ import annotations

import pytest

from edgeseg.bench.profiles.madds import count_madds
from edgeseg.core.errors import MeasureError
from edgeseg.core.graph import Graph, Node, Tensor
from edgeseg.core.types import Format

Shape = tuple[int, ...]


def graph(format: Format, op: str, inputs: list[Shape], output: Shape, name: str = "here", domain: str = "") -> Graph:
    operands = tuple(Tensor(f"in{i}", shape, "float32") for i, shape in enumerate(inputs))
    node = Node(op, operands, (Tensor("out", output, "float32"),), name, domain=domain)
    return Graph(format, (node,), operands, node.outputs, params=0)


S: Shape = ()

ONNX: list[tuple[str, list[Shape], Shape, int]] = [
    ("Conv", [(1, 8, 10, 20), (16, 8, 3, 3), (16,)], (1, 16, 5, 10), 16 * 5 * 10 * 8 * 9),
    ("Conv", [(1, 8, 10, 20), (8, 1, 3, 3)], (1, 8, 10, 20), 8 * 10 * 20 * 9),
    ("Conv", [(4, 8, 10, 20), (16, 8, 1, 1)], (4, 16, 10, 20), 4 * 16 * 10 * 20 * 8),
    ("Conv", [(1, 8, 10), (16, 8, 3)], (1, 16, 8), 16 * 8 * 8 * 3),
    ("FusedConv", [(1, 8, 10, 20), (16, 4, 3, 3)], (1, 16, 10, 20), 16 * 10 * 20 * 4 * 9),
    ("ConvInteger", [(1, 8, 10, 20), (16, 8, 3, 3), S, S], (1, 16, 5, 10), 16 * 5 * 10 * 8 * 9),
    (
        "QLinearConv",
        [(1, 8, 10, 20), S, S, (16, 8, 3, 3), (16,), (16,), S, S, (16,)],
        (1, 16, 5, 10),
        16 * 5 * 10 * 8 * 9,
    ),
    ("ConvTranspose", [(1, 8, 5, 10), (8, 16, 3, 3)], (1, 16, 10, 20), 8 * 5 * 10 * 16 * 9),
    ("ConvTranspose", [(1, 8, 5, 10), (8, 1, 4, 4)], (1, 8, 10, 20), 8 * 5 * 10 * 16),
    ("Gemm", [(2, 32), (32, 10), (10,)], (2, 10), 2 * 32 * 10),
    ("Gemm", [(32, 2), (32, 10)], (2, 10), 2 * 32 * 10),
    ("QGemm", [(2, 32), S, S, (32, 10), (10,), (10,)], (2, 10), 2 * 32 * 10),
    ("MatMul", [(2, 4, 6, 8), (2, 4, 8, 5)], (2, 4, 6, 5), 2 * 4 * 6 * 5 * 8),
    ("MatMul", [(3, 7), (7,)], (3,), 3 * 7),
    ("MatMul", [(7,), (7, 3)], (3,), 3 * 7),
    ("MatMulInteger", [(6, 8), (8, 5)], (6, 5), 6 * 8 * 5),
    ("QLinearMatMul", [(6, 8), S, S, (8, 5), S, S, S, S], (6, 5), 6 * 8 * 5),
    ("FusedMatMul", [(2, 8, 6), (2, 8, 5)], (2, 6, 5), 2 * 6 * 8 * 5),
    ("FusedMatMulActivation", [(2, 6, 8), (2, 8, 5)], (2, 6, 5), 2 * 6 * 8 * 5),
    ("FusedGemm", [(2, 32), (32, 10), (10,)], (2, 10), 2 * 32 * 10),
    ("NhwcFusedConv", [(1, 10, 20, 8), (16, 4, 3, 3)], (1, 10, 20, 16), 16 * 10 * 20 * 4 * 9),
    ("DynamicQuantizeMatMul", [(6, 8), (8, 5), (5,), (5,)], (6, 5), 6 * 8 * 5),
    ("MatMulIntegerToFloat", [(6, 8), (8, 5), S, (5,)], (6, 5), 6 * 8 * 5),
    ("Relu", [(1, 8, 10, 20)], (1, 8, 10, 20), 0),
    ("Resize", [(1, 8, 10, 20), S, (4,)], (1, 8, 20, 40), 0),
    ("DequantizeLinear", [(16, 8, 3, 3), (16,), (16,)], (16, 8, 3, 3), 0),
]
TFLITE: list[tuple[str, list[Shape], Shape, int]] = [
    ("CONV_2D", [(1, 10, 20, 8), (16, 3, 3, 8), (16,)], (1, 5, 10, 16), 16 * 5 * 10 * 8 * 9),
    ("CONV_2D", [(1, 10, 20, 8), (16, 3, 3, 4)], (1, 10, 20, 16), 16 * 10 * 20 * 4 * 9),
    ("DEPTHWISE_CONV_2D", [(1, 10, 20, 8), (1, 3, 5, 16), (16,)], (1, 10, 20, 16), 16 * 10 * 20 * 15),
    ("TRANSPOSE_CONV", [(4,), (16, 3, 3, 8), (1, 5, 10, 8)], (1, 10, 20, 16), 8 * 5 * 10 * 16 * 9),
    ("FULLY_CONNECTED", [(2, 32), (10, 32), (10,)], (2, 10), 2 * 32 * 10),
    ("FULLY_CONNECTED", [(1, 4, 5, 32), (10, 32)], (1, 4, 5, 10), 4 * 5 * 32 * 10),
    ("BATCH_MATMUL", [(2, 6, 8), (2, 8, 5)], (2, 6, 5), 2 * 6 * 8 * 5),
    ("BATCH_MATMUL", [(2, 8, 6), (2, 8, 5)], (2, 6, 5), 2 * 6 * 8 * 5),
    ("ADD", [(1, 10, 20, 8), (1, 10, 20, 8)], (1, 10, 20, 8), 0),
    ("RESIZE_BILINEAR", [(1, 10, 20, 8), (2,)], (1, 20, 40, 8), 0),
]
CASES = [("onnx", *case) for case in ONNX] + [("tflite", *case) for case in TFLITE]


@pytest.mark.parametrize(("format", "op", "inputs", "output", "expected"), CASES)
def test_every_operator(format: Format, op: str, inputs: list[Shape], output: Shape, expected: int) -> None:
    assert count_madds(graph(format, op, inputs, output)) == expected


def test_operators_are_summed() -> None:
    nodes = [
        graph("onnx", op, inputs, output, name).nodes[0]
        for name, (op, inputs, output, _) in zip(["stem", "", "fc"], [ONNX[0], ONNX[-3], ONNX[9]], strict=True)
    ]
    whole = Graph("onnx", tuple(nodes), (), (), params=0)
    assert count_madds(whole) == 57600 + 640


def test_an_unnamed_node_is_called_by_its_output() -> None:
    with pytest.raises(MeasureError, match="Conv out: shape"):
        count_madds(graph("onnx", "Conv", [(1, 8, 10, 20), ()], (1, 16, 5, 10), name=""))


@pytest.mark.parametrize(
    ("inputs", "output"),
    [
        ([(1, 8, 10, 20), (16, 8, 3, 3)], (-1, 16, 5, 10)),
        ([(1, 8, 10, 20), ()], (1, 16, 5, 10)),
        ([(1, 8, 10, 20), (16, 8, 3, 3)], ()),
        ([(1, 8, 10, 20)], (1, 16, 5, 10)),
    ],
)
def test_an_unknown_shape_is_an_error_that_names_the_operator(inputs: list[Shape], output: Shape) -> None:
    with pytest.raises(MeasureError, match=r"Conv here: shape.*--size"):
        count_madds(graph("onnx", "Conv", inputs, output))


@pytest.mark.parametrize(
    ("format", "op", "domain"),
    [
        ("onnx", "Einsum", ""),
        ("onnx", "MultiHeadAttention", "com.microsoft"),
        ("tflite", "STABLEHLO_COMPOSITE", ""),
        ("tflite", "CUSTOM:FlexConv2D", "custom"),
    ],
)
def test_an_operator_without_a_rule_is_an_error_not_a_zero(format: Format, op: str, domain: str) -> None:
    with pytest.raises(MeasureError, match=f"{op} here"):
        count_madds(graph(format, op, [(1, 8), (8, 2)], (1, 2), domain=domain))


@pytest.mark.parametrize(("op", "expected"), [("QLinearAdd", 0), ("FusedMatMul", 16)])
def test_known_operators_of_other_domains_are_counted(op: str, expected: int) -> None:
    assert count_madds(graph("onnx", op, [(1, 8), (8, 2)], (1, 2), domain="com.microsoft")) == expected
