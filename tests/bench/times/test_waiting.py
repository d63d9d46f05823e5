"""Time without a processor, as the kernel counts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import pytest

from edgeseg.bench.times.waiting import Waited

BUSY = "import os\nos.sched_setaffinity(0, {int(os.sys.argv[1])})\nprint(flush=True)\nwhile True: pass"


def spin(seconds: float) -> None:
    end = perf_counter() + seconds
    while perf_counter() < end:
        pass


@pytest.mark.skipif(Waited.now().threads_ns is None, reason="this kernel does not tell how long a thread waited")
def test_a_process_on_the_same_core_is_waited_for() -> None:
    core, allowed = max(os.sched_getaffinity(0)), os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        with subprocess.Popen([sys.executable, "-c", BUSY, str(core)], stdout=subprocess.PIPE) as neighbour:
            assert neighbour.stdout
            neighbour.stdout.readline()
            before = Waited.now()
            spin(0.5)
            found = Waited.now().since(before)
            neighbour.kill()
    finally:
        os.sched_setaffinity(0, allowed)
    assert found
    assert found[0] / found[1] > 0.2


def test_threads_that_began_or_ended_between_count_as_they_are_known(tmp_path: Path) -> None:
    def told(**threads: int) -> Waited:
        for each in tmp_path.glob("*/schedstat"):
            each.unlink()
        for name, ns in threads.items():
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "schedstat").write_text(f"12345 {ns} 6\n")
        return Waited.now(tmp_path)

    before = told(main=100, ended=50)
    found = told(main=130, began=7).since(before)
    assert found
    assert found[0] == 37


def test_a_kernel_that_does_not_tell(tmp_path: Path) -> None:
    assert Waited.now(tmp_path).threads_ns is None
    (tmp_path / "main").mkdir()
    (tmp_path / "main" / "schedstat").write_text("0 0 0\n")
    assert Waited.now(tmp_path).threads_ns is None
    assert Waited.now(tmp_path).since(Waited.now()) is None
