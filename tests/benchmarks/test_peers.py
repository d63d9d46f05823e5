"""How a peer's file is fed and read: like the float file of ours that it competes with."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from peers.files import described, facts_of

from tests.small import small_onnx


@pytest.mark.parametrize("align_corners", [False, True])
def test_a_peers_file_is_read_as_its_output_is(workspace: Path, tmp_path: Path, align_corners: bool) -> None:
    ours = facts_of(workspace / "fastscnn_64x128_fp32.onnx")
    like = replace(ours, output=replace(ours.output, align_corners=align_corners))
    assert described(workspace / "fastscnn_64x128_fp32.onnx", like).facts.output == like.output
    full = described(small_onnx(tmp_path / "stock.onnx"), like).facts
    assert (full.output.head, full.output.align_corners) == ("logits", False)
    assert (full.input.normalization, full.classes) == (like.input.normalization, like.classes)
