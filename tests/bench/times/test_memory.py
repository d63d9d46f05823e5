from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edgeseg.bench.times import memory

_CHILD = """
from edgeseg.bench.times.memory import peak_rss_mib
before = peak_rss_mib()
block = bytearray(80 << 20)
block[::4096] = b"x" * len(block[::4096])
del block
print(before, peak_rss_mib())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a child inherits its parent's peak")
def test_peak_is_of_this_process_alone_and_stays() -> None:
    ballast = bytearray(300 << 20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    out = subprocess.run([sys.executable, "-c", _CHILD], capture_output=True, text=True, check=True).stdout.split()
    before, after = map(float, out)
    assert before < 150, "the parent's 300 MiB were counted"
    assert after - before == pytest.approx(80, abs=8)


def test_a_system_without_proc_still_gives_a_peak(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "none")
    peak = memory.peak_rss_mib()
    assert peak is not None
    assert 5 < peak < 100_000
