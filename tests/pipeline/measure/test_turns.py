"""Artifacts in processes of their own that take turns."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from edgeseg.bench.times.cores import pinned_cores
from edgeseg.bench.times.latency import LatencyOptions
from edgeseg.bench.times.reference import WORKLOADS
from edgeseg.core.errors import InputError, WorkError
from edgeseg.core.source import Source
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.turns import Player, one_round, open_reference
from tests.small import small_onnx

QUICK = LatencyOptions(warmup_s=0)


def job(path: Path) -> Job:
    return Job(Source(str(path)), threads=1, latency=QUICK)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_every_round_has_everyone_in_a_drawn_order() -> None:
    seen: list[str] = []
    tasks = [lambda name=name: seen.append(name) or name for name in "abc"]
    drawn = Random(1)
    assert [one_round(tasks, drawn) for _ in range(600)] == [("a", "b", "c")] * 600
    orders = Counter("".join(seen[at : at + 3]) for at in range(0, 1800, 3))
    assert len(orders) == 6
    assert min(orders.values()) > 60


def test_players_of_both_formats_take_turns(workspace: Path) -> None:
    files = [workspace / f"fastscnn_64x128_int8.{format}" for format in ("onnx", "tflite")]
    with Player(job(files[0])) as first, Player(job(files[1])) as second:
        players = (first, second)
        assert [player.opened().format for player in players] == ["onnx", "tflite"]
        processes = [player.worker.process for player in players]
        if pinned := pinned_cores(1):
            assert all(sorted(os.sched_getaffinity(process)) == pinned for process in processes)
        for player in players:
            assert 0 < player.warm("network") < 1000
            assert player.turn("network", 3) != player.turn("network", 3, anew=True)
            assert len(player.turn("classmap", 4)) == 4
    assert not any(map(alive, processes))


def test_whether_calls_were_steady_is_known(tmp_path: Path) -> None:
    small, anything = small_onnx(tmp_path / "net.onnx"), LatencyOptions(steady_percent=1e6)
    for latency, is_steady in ((anything, True), (QUICK, False)):
        with Player(replace(job(small), latency=latency)) as player:
            player.opened()
            assert min(player.warm("network"), player.warm("classmap")) > 0
            assert player.is_steady == is_steady


def test_what_is_made_once_is_no_time_of_a_call(workspace: Path) -> None:
    """The scene and the compiled kernels, which take a hundred times as long as a call."""
    with Player(job(workspace / "fastscnn_64x128_int8.onnx")) as player:
        player.opened()
        assert player.warm("classmap") < 20 * min(player.turn("classmap", 20))


def test_reference_workloads_are_timed() -> None:
    with open_reference() as reference:
        for workload in WORKLOADS:
            assert 0.01 < min(reference.turn(workload, 3)) < 1000


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"no model")
    with pytest.raises(InputError, match=r"bad\.onnx"), Player(job(bad)) as player:
        player.opened()


def test_a_death_is_told_with_the_files_name_and_ends_the_others(tmp_path: Path) -> None:
    good, dying = (small_onnx(tmp_path / name) for name in ("good.onnx", "dying.onnx"))
    processes = []
    with (
        pytest.raises(WorkError, match=r"dying\.onnx: .* SIGKILL"),
        Player(job(good)) as one,
        Player(job(dying)) as two,
    ):
        for player in (one, two):
            player.opened()
            processes.append(player.worker.process)
        os.kill(processes[1], signal.SIGKILL)
        two.turn("network", 1)
    assert len(processes) == 2
    assert not any(map(alive, processes))


PARENT = """
import sys
from edgeseg.core.source import Source
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.turns import Player
with Player(Job(Source(sys.argv[1]), threads=1)) as one, Player(Job(Source(sys.argv[1]), threads=1)) as two:
    one.opened()  # The other is still opening.
    print(one.worker.process, two.worker.process, flush=True)
    one.turn("network", 10**9)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_orphan_is_left(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(small_onnx(tmp_path / "net.onnx"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout is not None
        processes = list(map(int, parent.stdout.readline().split()))
        assert len(processes) == 2
        parent.send_signal(number)
        parent.wait(20)
    end = time.monotonic() + 40
    while any(map(alive, processes)) and time.monotonic() < end:
        time.sleep(0.02)
    assert not any(map(alive, processes))
