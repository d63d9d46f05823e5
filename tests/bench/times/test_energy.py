"""Counters of energy, in a folder as the system would have it."""

from __future__ import annotations

from pathlib import Path

from edgeseg.bench.times.energy import counters, spent_mj


def test_counters_are_read_and_begin_again(tmp_path: Path) -> None:
    zones = {"intel-rapl:0": "package-0", "intel-rapl:1": "package-1", "intel-rapl:0:0": "core", "intel-rapl:2": "psys"}
    for zone, name in zones.items():
        (tmp_path / zone).mkdir()
        (tmp_path / zone / "name").write_text(name + "\n")
        (tmp_path / zone / "max_energy_range_uj").write_text("1000000\n")
        (tmp_path / zone / "energy_uj").write_text("900000\n")
    found = counters(tmp_path)
    assert [counter.path.parent.name for counter in found] == ["intel-rapl:0", "intel-rapl:1"]
    before = [counter.read() for counter in found]
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("950000\n")
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("100000\n")
    assert spent_mj(found, before, [counter.read() for counter in found]) == 50 + 200
    (tmp_path / "intel-rapl:1" / "energy_uj").unlink()
    assert spent_mj(found, before, [counter.read() for counter in found]) is None
    assert len(counters(tmp_path)) == 1


def test_without_counters_nothing_is_known(tmp_path: Path) -> None:
    assert counters(tmp_path) == ()
    assert spent_mj((), [], []) is None
