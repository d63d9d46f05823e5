"""Commands that are killed at any moment leave nothing that is damaged, and no process."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgeseg.core.container import read_facts
from tests.small import small_onnx

COMMANDS = {
    "bench": ("bench", "net.onnx", "--images", "2", "--threads", "1", "--effort", "quick", "--resume", "--no-picture"),
    "gate": (
        "gate",
        "--baseline",
        "net.onnx",
        "--candidate",
        "net.onnx",
        "--seconds",
        "3",
        "--json",
        "v.json",
        "--resume",
    ),
    "quantize": ("quantize", "net.onnx", "--int8", "--samples", "2", "--no-profile", "--resume"),
}


def moments(count: int) -> list[tuple[str, float]]:
    drawn = random.Random(0)
    return [(name, drawn.uniform(0, 8)) for name in list(COMMANDS) * count]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "after_s"), moments(17))
def test_nothing_damaged_is_left(cli, name: str, after_s: float, tmp_path: Path) -> None:
    small_onnx(tmp_path / "net.onnx")
    command = [sys.executable, "-m", "edgeseg", *COMMANDS[name]]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(after_s)
        process.kill()
    end = time.monotonic() + 30
    while (left := _workers_in(tmp_path)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not left
    for path in tmp_path.rglob("*"):
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".onnx":
            read_facts(path)
    assert not list(tmp_path.rglob(".*"))
    done = cli(*COMMANDS[name])
    assert done.returncode in ((0, 2) if name == "gate" else (0,)), done.stderr


def _workers_in(folder: Path) -> list[str]:
    """Processes whose working folder it is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder.resolve():
                found.append(process.name)
        except OSError:
            continue
    return found
