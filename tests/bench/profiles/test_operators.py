"""Which operator of the file a kernel computes, and the tables of a profile."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from rich.console import Console

from edgeseg.bench.profiles.operator_tables import terminal_profile, write_profile
from edgeseg.bench.profiles.operators import Profile, profile_of
from edgeseg.core.graph import Graph, Node, Tensor
from edgeseg.core.profile import Kernel, Trace


def node(op: str, given: str, computed: str, dtype: str = "int8", name: str = "") -> Node:
    return Node(op, tuple(Tensor(n, (1,), dtype) for n in given.split()), (Tensor(computed, (1,), dtype),), name)


def profile(graph: Graph | None, *kernels: Kernel) -> Profile:
    return profile_of(Trace(kernels, 9.0), graph, name="net", runtime="some", threads=1, runs=3)


def tensors(graph: Graph | None, *kernels: Kernel) -> list[str]:
    return [operator.tensor for operator in profile(graph, *kernels).operators]


TFLITE = Graph(
    "tflite",
    (
        node("PAD", "image", "padded"),
        node("CONV_2D", "padded", "a"),
        node("AVERAGE_POOL_2D", "image", "small"),
        node("CONV_2D", "small", "b"),
        node("CONV_2D", "a", "c"),
        node("CONCATENATION", "b c", "d"),
        node("LOGISTIC", "d", "e", "float32"),
    ),
    (),
    (),
    0,
)


def test_delegates_run_what_they_can_before_the_next_operator_outside() -> None:
    convolution = "Convolution (NHWC, QC8) IGEMM"
    kernels = [
        Kernel(convolution, 1, part=0),
        Kernel(convolution, 1, part=0),
        Kernel("AVERAGE_POOL_2D", 1, index=2),
        Kernel("Fully Connected (NC, QS8, QC8W) GEMM", 1, part=1),
        Kernel("Copy (NC, X8)", 1, part=1),
        Kernel("Copy (NC, X8)", 1, part=1),
        Kernel("Sigmoid (NC)", 1, part=1),
    ]
    found = profile(TFLITE, *kernels)
    assert [operator.tensor for operator in found.operators] == ["a", "c", "small", "b", "d", "e", "e"]
    assert [operator.arithmetic for operator in found.operators[-3:]] == ["int8", "float", "float"]
    assert found.operators[0].op == "CONV_2D"


def test_a_tensor_written_twice_is_read_from_its_last_writer() -> None:
    nodes = (node("CUSTOM", "x", "t"), node("CONV_2D", "t", "u"), node("QUANTIZE", "x", "t"), node("MUL", "t", "v"))
    kernels = (
        Kernel("Convert (NC)", 1, part=0),
        Kernel("Multiply (ND)", 1, part=0),
        Kernel("CUSTOM", 1, index=0),
        Kernel("Convolution (NHWC, QC8) IGEMM", 1, part=1),
    )
    assert tensors(Graph("tflite", nodes, (), (), 0), *kernels) == ["t", "v", "t", "u"]


def test_names_of_onnx_runtime() -> None:
    nodes = (node("Conv", "image", "y", name="node_y"), node("Gemm", "y", "z", name="node_z"))
    graph = Graph("onnx", nodes, (), (), 0)
    names = ["node_y", "node_y_token_12", "y_nchwc", "fused node_z", "ReorderInput"]
    kernels = [Kernel("K", 1, name, arithmetic="float") for name in names]
    assert tensors(graph, *kernels) == ["y", "y", "y", "z", "ReorderInput"]
    assert tensors(None, *kernels) == names


@pytest.fixture
def sample() -> Profile:
    kernels = [Kernel("Conv", ms, f"n{ms}", arithmetic="float") for ms in range(1, 31)]
    return profile(None, *kernels, Kernel("Relu", 100, "r", arithmetic="int8"))


def test_totals_and_shares(sample: Profile) -> None:
    first, second = sample.totals()
    assert (first.kernel, first.count, first.ms) == ("Conv", 30, 465)
    assert (second.kernel, second.arithmetic, second.ms) == ("Relu", "int8", 100)
    assert sum(sample.share_percent(total.ms) for total in sample.totals()) == pytest.approx(100)
    assert [operator.tensor for operator in sample.by_cost()[:2]] == ["r", "n30"]
    assert Profile.from_json(json.loads(json.dumps(sample.to_json()))) == sample


def test_tables_hold_every_operator_and_a_terminal_the_dearest(tmp_path: Path, sample: Profile) -> None:
    for format in ("md", "csv", "json"):
        write_profile(tmp_path / f"p.{format}", format, sample)
    rows = list(csv.DictReader((tmp_path / "p.csv").read_text().splitlines()))
    assert [float(row["ms"]) for row in rows] == [100.0, *range(30, 0, -1)]
    assert "| n30 |  | Conv | float | 30.000 | 5.3 |" in (tmp_path / "p.md").read_text()
    stored = json.loads((tmp_path / "p.json").read_text())
    assert [total["count"] for total in stored["totals"]] == [30, 1]
    console = Console(width=100)
    with console.capture() as printed:
        console.print(terminal_profile(sample))
    lines = printed.get().splitlines()
    assert lines[-1].startswith("and 11 more of 66.00 ms")
    assert lines[0] == "net: 9.00 ms a run on some with its profiler on, 1 thread, medians of 3 runs"
