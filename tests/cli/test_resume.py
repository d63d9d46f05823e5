"""What commands keep of what they found so far is theirs alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgeseg.bench.gates.gate import GateOptions, Measured, Timing
from edgeseg.bench.gates.sequential import Interval
from edgeseg.bench.times.latency import EFFORTS
from edgeseg.core.record import Record
from edgeseg.core.source import Source
from edgeseg.core.types import Size
from edgeseg.pipeline.answers import Answers
from edgeseg.pipeline.gates.kept_pairs import KeptPairs
from edgeseg.pipeline.gates.pairing import Pair
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.kept_records import KeptRecords
from tests.small import small_onnx

RECORD = Record("net.onnx", "net", "onnx", "fp32", "logits", Size(32, 64), 1, "onnxruntime", "cpu", 2, (1.0,), (2.0,))


def test_a_bench_forgets_what_was_kept_of_it_alone(cli, tmp_path: Path) -> None:
    kept = KeptRecords(Answers(tmp_path / "edgeseg-out" / "unfinished_bench.json"))
    jobs = [
        Job(Source(str(small_onnx(tmp_path / f"{name}.onnx"))), latency=EFFORTS["default"]) for name in ("net", "other")
    ]
    for job in jobs:
        kept.put(job, RECORD)
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    assert cli("bench", "junk.onnx").returncode == 2
    assert [kept.get(job) for job in jobs] == [RECORD, RECORD]
    done = cli("bench", tmp_path / "net.onnx", "--no-accuracy", "--resume")
    assert done.returncode == 0, done.stderr
    assert [kept.get(job) for job in jobs] == [None, RECORD]


def test_a_gate_forgets_what_was_kept_of_it_alone(cli, tmp_path: Path) -> None:
    kept = KeptPairs(Answers(tmp_path / "edgeseg-out" / "unfinished_gate.json"))
    net, other = (small_onnx(tmp_path / name / "net.onnx", layers) for name, layers in (("a", 2), ("b", 3)))
    job = Job(Source(""), threads=1)
    found = Measured("net.onnx", Timing(1.0, 1.0, Interval(1.0, 0.9, 1.04), 1.0, 0.001, 30))
    for path in (net, other):
        kept.measured(Pair("net.onnx", path, path), GateOptions(), job, 1, lambda: found)
    done = cli("gate", "--baseline", net, "--candidate", net, "--resume")
    assert done.returncode == 0, done.stdout + done.stderr
    anew = replace(found, name="measured anew")
    asked = [kept.measured(Pair("net.onnx", path, path), GateOptions(), job, 1, lambda: anew) for path in (net, other)]
    assert asked == [anew, found]
