"""What is said beside times: which were taken in the same rounds, and which before calls were steady."""

from __future__ import annotations

import gc
import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from edgeseg.bench.comparison.columns import footnotes
from edgeseg.bench.comparison.compare import compare
from edgeseg.bench.times.energy import Counter
from edgeseg.bench.times.latency import LatencyOptions
from edgeseg.core.errors import InputError
from edgeseg.core.record import Record
from edgeseg.core.source import Source
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure import benching, playing, timing
from edgeseg.pipeline.measure.measuring import measure
from edgeseg.pipeline.measure.turns import Player
from edgeseg.pipeline.silence import silent
from tests.small import small_onnx

QUICK = LatencyOptions(warmup_s=0, min_seconds=0.02, min_samples=6, max_seconds=5)


def measured(*files: Path) -> list[Record]:
    jobs = [Job(Source(str(path)), threads=1, latency=QUICK) for path in files]
    found = benching.measure_together(jobs, lambda title: nullcontext(lambda *step: None))
    assert all(isinstance(record, Record) for record in found)
    return [record for record in found if isinstance(record, Record)]


def test_rows_of_other_rounds_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [small_onnx(tmp_path / f"{name}.onnx") for name in "abc"]
    monkeypatch.setattr(benching, "_TOGETHER", 2)
    rows = compare(measured(*files))
    assert [row.series for row in rows] == [1, 1, 2]
    told = [note for note in footnotes(rows) if "same rounds" in note]
    assert [note.partition(":")[0] for note in told] == [
        "not all rows were measured in the same rounds (a.onnx, b.onnx; c.onnx)"
    ]
    assert not any("same rounds" in note for note in footnotes(rows[:2]))


def test_a_warm_up_cut_short_is_noted(tmp_path: Path) -> None:
    (record,) = measured(small_onnx(tmp_path / "net.onnx"))
    assert any(note.startswith("warm-up ended before calls were steady") for note in record.notes)


def test_too_many_threads_are_refused_here_and_not_elsewhere() -> None:
    with pytest.raises(InputError, match="100000 threads: too many for the"):
        Job(Source("net.onnx"), threads=100_000)
    assert Job(Source("net.onnx"), threads=100_000, device="ssh://board").threads == 100_000


def test_more_threads_than_cores_allowed_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source(str(small_onnx(tmp_path / "net.onnx")))
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3})
    told = {threads: measure(Job(source, threads=threads), silent).notes for threads in (1, 2)}
    assert told[1] == ()
    assert told[2] == ("2 threads on the 1 core allowed: they wait for each other; give --threads 1 at most",)


def test_none_warms_up_while_others_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    paths = [small_onnx(tmp_path / "a.onnx"), tmp_path / "bad.onnx", small_onnx(tmp_path / "b.onnx")]
    told: list[str] = []
    opened, warm = Player.opened, Player.warm
    monkeypatch.setattr(Player, "opened", lambda self: told.append("opened") or opened(self))
    monkeypatch.setattr(Player, "warm", lambda self, stage: told.append("warm") or warm(self, stage))
    a, bad, b = timing.take_times([Job(Source(str(path)), threads=1, latency=QUICK) for path in paths], silent)
    assert told == ["opened"] * 3 + ["warm"] * 4
    assert isinstance(bad, InputError)
    assert all(isinstance(each, timing.Times) for each in (a, b))


def test_energy_is_that_of_the_calls_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "energy_uj"
    path.write_text("0")
    monkeypatch.setattr(playing, "counters", lambda: (Counter(path, 0),))
    monkeypatch.setattr(playing.time, "sleep", lambda seconds: path.write_text("1000"))
    job = Job(Source(str(small_onnx(tmp_path / "net.onnx"))), latency=QUICK)
    try:
        _, answer = playing.play(iter([{"job": job.to_json(), "cores": []}, {"stage": "network", "calls": 2}]))
    finally:
        gc.enable()
    assert path.read_text() == "1000"
    assert answer["energy_mj"] == 0
