"""What README says, held against where it comes from."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = " ".join((ROOT / "README.md").read_text().split())
LOSSES = re.compile(
    r"Eight published checkpoints lose (\S+) points of mIoU in the mean in ONNX, (\S+) at worst, "
    r"and (\S+) and (\S+) in TFLite\. .*?`quantize_static` loses (\S+) and (\S+), NNCF (\S+) and (\S+), "
    r"ai-edge-quantizer (\S+) and (\S+) "
)


def losses(row: str) -> list[float]:
    """The figures of a row of both tables of published checkpoints, ONNX Runtime's and LiteRT's, in their order."""
    tables = (ROOT / "docs" / "results.md").read_text().partition("<!-- tables: benchmarks/accuracy.py -->")[2]
    lines = [line for line in tables.partition("<!-- end of tables -->")[0].splitlines() if line.startswith(f"| {row}")]
    assert len(lines) == 2
    return [float(cell.split()[0]) for line in lines for cell in line.split("|")[3:-1]]


def test_losses_are_those_of_the_results() -> None:
    found = LOSSES.search(README)
    assert found
    onnx, onnx_worst, tflite, tflite_worst, static, static_worst, nncf, nncf_worst, aeq, aeq_worst = map(
        float, found.groups()
    )
    assert [onnx, static, nncf, tflite, aeq] == losses("mean loss")
    assert [onnx_worst, static_worst, nncf_worst, tflite_worst, aeq_worst] == losses("worst loss")
