"""What README says, held against where it comes from."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()
README = " ".join(TEXT.split())
OWN = TEXT.partition("### Your own network\n")[2].partition("\n### ")[0]
PACKAGE = """
from torch import nn

class MyNet(nn.Sequential):
    def __init__(self, classes):
        super().__init__(nn.Conv2d(3, classes, 3, 2, 1), nn.UpsamplingBilinear2d(scale_factor=2))
"""
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


def written(root: Path) -> None:
    """Images, masks and class names of a folder, laid out as the README says."""
    for line in re.findall(r"^    /data/mine/(\S+)  ", OWN, re.MULTILINE):
        path = root / line
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".txt":
            path.write_text("road\nkerb\ngrass\nperson\nsky\n")
        elif path.parent.name == "images":
            Image.fromarray(np.arange(32 * 64 * 3, dtype=np.uint8).reshape(32, 64, 3)).save(path)
        else:
            Image.fromarray(np.tile(np.arange(64, dtype=np.uint8) % 5, (32, 1))).save(path)


def test_your_own_network(cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command to the letter but for the size, the place of the data and how long it takes; then without labels."""
    (tmp_path / "mypackage.py").write_text(PACKAGE)
    code, command = re.search(r"```python\n(.*?)```\n\n((?:    [^\n]*\n)+)", OWN, re.DOTALL).groups()
    (tmp_path / "mynet.py").write_text(code)
    written(tmp_path / "mine")
    monkeypatch.syspath_prepend(tmp_path)
    torch.save(__import__("mynet").build().state_dict(), tmp_path / "best.pth")
    for name in ("mynet", "mypackage"):
        del sys.modules[name]
    words = shlex.split(command.replace("\\\n", "").replace("512x1024", "32x64").replace("/data/mine", "mine"))
    quick = ("--to", "onnx", "--effort", "quick", "--no-picture")
    done = cli(*words[1:], *quick)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mIoU over folder (1 images)" in done.stdout
    assert not done.stderr
    without_labels = re.search(r"`(--data images:\S+ --no-accuracy)`", OWN)[1]
    unlabelled = shlex.split(without_labels.replace("/data/frames", "mine/images"))
    done = cli(*words[1 : words.index("--data")], *unlabelled, *quick, "--out", "unlabelled")
    assert done.returncode == 0, done.stdout + done.stderr
