from __future__ import annotations

import subprocess
import sys

import pytest

from edgeseg.bench import memory

_CHILD = """
from edgeseg.bench.memory import added_peak_mib, mark, peak_rss_mib
def touch(mib):
    block = bytearray(mib << 20)
    block[::4096] = b"x" * len(block[::4096])
before = peak_rss_mib()
touch(80)
since = mark()
touch(40)
print(before, since.forgot_earlier, since.peak_mib, added_peak_mib(since))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are forgotten on Linux only")
def test_peak_is_of_this_process_and_grows_from_the_mark() -> None:
    ballast = bytearray(300 << 20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    out = subprocess.run([sys.executable, "-c", _CHILD], capture_output=True, text=True, check=True).stdout.split()
    before, forgot, at_mark, added = float(out[0]), out[1] == "True", float(out[2]), float(out[3])
    assert before < 150, "the parent's 300 MiB were counted"
    if not forgot:
        pytest.skip("this system does not let a process forget its peak")
    assert at_mark < before + 40
    assert added == pytest.approx(40, abs=4)


def test_a_system_that_permits_nothing_still_gives_a_peak(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(memory, "_STATUS", memory.Path(f"{tmp_path}/none"))
    monkeypatch.setattr(memory, "_CLEAR_REFS", memory.Path(f"{tmp_path}/none/none"))
    since = memory.mark()
    assert not since.forgot_earlier
    assert since.peak_mib is not None
    assert 5 < since.peak_mib < 100_000
    assert memory.added_peak_mib(since) == pytest.approx(0, abs=50)
