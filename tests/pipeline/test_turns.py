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

from edgeseg.bench.latency import LatencyOptions
from edgeseg.bench.reference import WORKLOADS
from edgeseg.core.errors import InputError, MeasureError, WorkError
from edgeseg.core.source import Source
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.turns import one_round, open_players, open_reference, pinned_cores

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
    with open_players([job(path) for path in files]) as players:
        assert [player.name for player in players] == [path.name for path in files]
        assert [player.runtime for player in players] == ["onnxruntime", "litert"]
        assert [player.size_bytes for player in players] == [path.stat().st_size for path in files]
        processes = [player.worker.process for player in players]
        if pinned := pinned_cores(1):
            assert all(sorted(os.sched_getaffinity(process)) == pinned for process in processes)
        for player in players:
            assert 0 < player.warm("network") < 1000
            assert player.turn("network", 3) != player.turn("network", 3, anew=True)
            assert len(player.turn("classmap", 4)) == 4
    assert not any(map(alive, processes))


def test_reference_workloads_are_timed() -> None:
    with open_reference() as reference:
        for workload in WORKLOADS:
            assert 0.01 < min(reference.turn(workload, 3)) < 1000


def test_what_cannot_be_opened_is_named(tmp_path: Path, workspace: Path) -> None:
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"no model")
    with (
        pytest.raises(InputError, match=r"bad\.onnx"),
        open_players([job(workspace / "fastscnn_64x128_int8.onnx"), job(bad)]),
    ):
        pass


def test_a_death_is_told_with_the_files_name_and_ends_the_others(workspace: Path) -> None:
    jobs = [job(workspace / f"fastscnn_64x128_int8.{format}") for format in ("onnx", "tflite")]
    processes = []
    with pytest.raises(WorkError, match=r"int8\.tflite: .* SIGKILL"), open_players(jobs) as players:
        processes = [player.worker.process for player in players]
        os.kill(processes[1], signal.SIGKILL)
        players[1].turn("network", 1)
    assert len(processes) == 2
    assert not any(map(alive, processes))


PARENT = """
import sys, time
from edgeseg.core.source import Source
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.turns import open_players
with open_players([Job(Source(path), threads=1) for path in sys.argv[1:]]) as players:
    print(*(player.worker.process for player in players), flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_orphan_is_left(number: signal.Signals, workspace: Path) -> None:
    files = [str(workspace / f"fastscnn_64x128_int8.{format}") for format in ("onnx", "tflite")]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, *files], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        processes = list(map(int, parent.stdout.readline().split()))
        assert len(processes) == 2
        parent.send_signal(number)
        parent.wait(20)
    end = time.monotonic() + 20
    while any(map(alive, processes)) and time.monotonic() < end:
        time.sleep(0.02)
    assert not any(map(alive, processes))


def test_pinned_cores_are_of_those_allowed() -> None:
    allowed = sorted(os.sched_getaffinity(0))
    assert pinned_cores(len(allowed)) == []
    if len(allowed) > 1:
        assert pinned_cores(1) == [allowed[-1]]
    with pytest.raises(MeasureError, match="0 threads"):
        pinned_cores(0)


def test_a_model_takes_turns_too() -> None:
    model = Job(replace(Source("fastscnn"), weights="random"), threads=1, latency=QUICK)
    with open_players([model]) as (player,):
        assert player.size_bytes is None
        assert player.runtime == "torch"
