"""The cores that times are taken on, of processors as the system would tell of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from edgeseg.bench.times.cores import allowed_cores, kept_to, pinned_cores
from edgeseg.bench.times.environment import environment
from edgeseg.core.errors import MeasureError


def processor(folder: Path, cores: Mapping[int, tuple[str, str, str]]) -> Path:
    """Of each core its capacity, highest frequency and siblings."""
    for core, told in cores.items():
        names = ("cpu_capacity", "cpufreq/cpuinfo_max_freq", "topology/thread_siblings_list")
        for name, text in zip(names, told, strict=True):
            path = folder / f"cpu{core}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text:
                path.write_text(f"{text}\n")
    return folder


def allow(monkeypatch: pytest.MonkeyPatch, cores: range) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(cores))


def test_the_fast_cores_of_a_hybrid_processor_one_thread_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = {core: ("", "4900000", f"{core & ~1}-{core | 1}") for core in range(16)}
    folder = processor(tmp_path, fast | {core: ("", "3800000", str(core)) for core in range(16, 20)})
    allow(monkeypatch, range(20))
    assert pinned_cores(2, folder) == [13, 15]
    assert pinned_cores(8, folder) == [1, 3, 5, 7, 9, 11, 13, 15]
    assert pinned_cores(9, folder) == [1, 3, 5, 7, 9, 11, 13, 14, 15]
    allow(monkeypatch, range(14, 20))
    assert pinned_cores(1, folder) == [15]
    assert pinned_cores(3, folder) == [14, 15, 19]


def test_siblings_that_are_numbered_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = processor(tmp_path, {core: ("", "", f"{core % 4},{core % 4 + 4}") for core in range(8)})
    allow(monkeypatch, range(8))
    assert pinned_cores(2, folder) == [6, 7]
    assert pinned_cores(5, folder) == [3, 4, 5, 6, 7]


def test_big_cores_that_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = processor(tmp_path, {core: ("1024" if core < 2 else "446", "1800000", str(core)) for core in range(6)})
    allow(monkeypatch, range(6))
    assert pinned_cores(2, folder) == [0, 1]
    assert pinned_cores(3, folder) == [0, 1, 5]


def test_the_last_ones_where_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, range(4))
    assert pinned_cores(2, tmp_path) == [2, 3]
    assert pinned_cores(4, tmp_path) == []
    with pytest.raises(MeasureError, match="0 threads"):
        pinned_cores(0, tmp_path)


@pytest.mark.skipif(not allowed_cores(), reason="this system does not tell on which cores a thread runs")
def test_a_thread_is_kept_to_cores_until_it_is_let_go() -> None:
    before = allowed_cores()
    with pytest.raises(KeyboardInterrupt), kept_to(before[-1:]):
        assert allowed_cores() == before[-1:]
        raise KeyboardInterrupt
    with kept_to([]):
        assert allowed_cores() == before


def test_a_record_says_which() -> None:
    assert environment(threads=1)["pinned_cores"] == pinned_cores(1)
