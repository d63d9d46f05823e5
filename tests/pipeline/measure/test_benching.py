"""Measuring artifacts together: in rounds, with what fails left out, and going on where it ended."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

import edgeseg
from edgeseg.bench.times.latency import LatencyOptions
from edgeseg.bench.times.reference import WORKLOADS
from edgeseg.core.container import write_facts
from edgeseg.core.errors import EdgesegError, InputError
from edgeseg.core.record import Record
from edgeseg.core.source import Source
from edgeseg.pipeline.answers import Answers
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.benching import measure_together
from edgeseg.pipeline.measure.comparing import measure_all
from edgeseg.pipeline.measure.kept_records import KeptRecords
from edgeseg.pipeline.sources import as_artifact
from tests.small import small_onnx

QUICK = LatencyOptions(warmup_s=0, min_seconds=0.05, min_samples=8, max_seconds=5)


def job(path: Path, **changes: object) -> Job:
    return replace(Job(Source(str(path)), threads=1, latency=QUICK), **changes)


def test_all_are_measured_in_the_same_rounds(tmp_path: Path) -> None:
    files = [small_onnx(tmp_path / f"net{layers}.onnx", layers) for layers in (2, 6)]
    records = edgeseg.bench(files, None, threads=1, latency=QUICK)
    for record in records:
        assert Record.from_json(record.to_json()) == record
        for ms, rounds in (
            (record.network_ms, record.network_rounds),
            (record.classmap_ms, record.classmap_rounds),
        ):
            assert len(ms) == len(rounds) >= 8
            assert list(rounds) == sorted(rounds)
            assert rounds[0] == 0
        assert set(record.reference_ms) == set(WORKLOADS)
        assert all(len(ms) > max(record.network_rounds) for ms in record.reference_ms.values())
        assert record.peak_rss_mib
        assert "stolen_percent" in record.environment
    assert records[0].reference_ms == records[1].reference_ms


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    files = [tmp_path / place / "net.onnx" for place in ("old/a", "new/a", "new/b")]
    for file in files:
        small_onnx(file, 1)
    records = edgeseg.bench([*files, files[0]], None, threads=1, latency=QUICK)
    assert [record.name for record in records] == ["old/a/net.onnx", "new/a/net.onnx", "b/net.onnx", "old/a/net.onnx"]


def test_what_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"no model")
    good = small_onnx(tmp_path / "good.onnx")
    found = measure_together([job(bad), job(good)], lambda title: nullcontext(lambda *step: None))
    assert isinstance(found[0], InputError)
    assert "bad.onnx" in str(found[0])
    assert isinstance(found[1], Record)
    assert found[1].network_ms


def test_what_is_said_of_the_other_models_of_a_run_is_no_mistake(tmp_path: Path) -> None:
    path = small_onnx(tmp_path / "ours.onnx")
    write_facts(path, as_artifact(Source(str(path))).facts)
    said = Source(str(path), mean=(0.5, 0.5, 0.5), weights="of.another.pth")
    with pytest.raises(InputError, match=r"ours\.onnx: there is nothing for --weights to do"):
        edgeseg.bench(said, None)
    found = measure_all(job(path), [said], lambda title: nullcontext(lambda *step: None))
    assert [record.name for record in found.records] == ["ours.onnx"]


def test_it_goes_on_where_it_ended(tmp_path: Path) -> None:
    files = [small_onnx(tmp_path / name) for name in ("one.onnx", "two.onnx")]
    jobs = [job(path, data="scenes", images=2) for path in files]
    kept = KeptRecords(Answers(tmp_path / "unfinished.json"))
    told: list[str] = []

    def stop(what: str, done: int, total: int) -> None:
        told.append(what)
        if what == "latency":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_together(jobs, lambda title: nullcontext(stop), kept)
    assert set(told) == {"accuracy", "latency"}
    assert all((record := kept.get(each)) and record.miou_percent and not record.network_ms for each in jobs)
    told.clear()
    first = measure_together(jobs, lambda title: nullcontext(lambda what, *_: told.append(what)), kept)
    assert set(told) == {"latency"}
    assert measure_together(jobs, lambda title: nullcontext(stop), kept) == first
    small_onnx(files[0], layers=3)
    assert kept.get(jobs[0]) is None
    assert kept.get(replace(jobs[1], threads=2)) is None
    kept.forget(jobs[:1])
    assert [kept.get(each) for each in jobs] == [None, first[1]]
    assert "one.onnx" not in kept.answers.path.read_text()
    kept.answers.path.write_text(
        kept.answers.path.read_text().replace('"threads": 1, "network_ms"', '"threads": 0, "network_ms"')
    )
    with pytest.raises(InputError, match=r"unfinished\.json: .*delete it to begin anew"):
        kept.get(jobs[1])
    kept.answers.path.write_text("{")
    with pytest.raises(EdgesegError, match="delete it to begin anew"):
        kept.get(jobs[1])
    kept.forget(jobs[:1])
    assert not kept.answers.path.exists()
