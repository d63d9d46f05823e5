"""The tables of `benchmarks/speed.py`; `slow` is a network through every tool."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import speed

from edgeseg.core.types import Size

ROOT = Path(__file__).parents[2]


def row(network: str, *ms: float | str) -> speed.Row:
    """Of three rounds, in the second of which the machine was twice as slow."""
    taken = [each if isinstance(each, str) else [each, 2 * each, each] for each in ms]
    return speed.Row(network, Size(64, 128), dict(zip(speed.NAMES, taken, strict=True)))


def test_ratios_and_their_geometric_means() -> None:
    rows = [
        row("one", 8.0, 2.0, 16.0, 24.0, 12.0),
        row("two", 9.0, 9.0, "cannot", "no float file", "no float file"),
        row("three", 9, 10, 9, 9, 9),
    ]
    assert rows[0].cells[2:] == ["8.00", "2.00", "16.00", "24.00", "12.00", "4.00", "2.00", "12.00", "6.00"]
    assert rows[1].cells[2:] == ["9.00", "9.00", "cannot", *["no float file"] * 2, "1.00", "", "", ""]
    assert speed.summary(rows, speed.NAMES)[-4:] == ["1.53 of 3", "1.41 of 2", "3.29 of 2", "2.32 of 2"]
    assert speed.slower(rows) == "int8 that takes more than 1.02x the time of its float file: three 1.11x."


def test_no_network_is_slower() -> None:
    assert speed.slower([row("one", 1.0, 1.019, "", "", ""), row("two", "cannot", "", "", "", "")]).endswith(": none.")


@pytest.mark.slow
def test_every_column_of_a_network(tmp_path: Path) -> None:
    document = tmp_path / "results.md"
    document.write_text("<!-- tables: benchmarks/speed.py -->\n<!-- end of tables -->\n", encoding="utf-8")
    command = [sys.executable, str(ROOT / "benchmarks" / "speed.py"), "fastscnn", "--size", "64x128"]
    options = ["--rounds", "5", "--out", str(tmp_path / "files"), "--document", str(document)]
    result = subprocess.run([*command, *options], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (tmp_path / "files" / "stock").iterdir()) == [
        f"fastscnn_64x128_{precision}.{target}" for precision in ("fp32", "int8") for target in ("onnx", "tflite")
    ]
    assert [path.name for path in (tmp_path / "files" / "stock_uint8").iterdir()] == ["fastscnn_64x128_int8.onnx"]
    lines = [line for line in document.read_text().splitlines() if line.startswith("| fastscnn")]
    assert len(lines) == 2
    for line in lines:
        assert all(float(cell) > 0 for cell in line.split("|")[3:-1])
