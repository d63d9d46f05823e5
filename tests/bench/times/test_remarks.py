"""What rounds say about the machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeseg.bench.times.remarks import processor_ticks, remarks, round_medians, stolen_percent


def rounds(seed: int, count: int = 24, noise: float = 0.01, drift: float = 0.0) -> list[float]:
    random = np.random.default_rng(seed)
    return (4 * np.exp(noise * random.standard_normal(count) + drift * np.linspace(0, 1, count))).tolist()


def test_a_quiet_machine_is_not_remarked_on() -> None:
    assert all(remarks(rounds(seed), {"memory": rounds(seed + 100)}, 0.1) == () for seed in range(50))


def test_drift_of_the_file_and_of_the_machine() -> None:
    (alone,) = remarks(rounds(0, drift=0.06), {"memory": rounds(1)})
    assert alone.startswith("drift: its last rounds took +")
    assert alone.endswith("(warm-up, or memory)")
    (shared,) = remarks(rounds(0, drift=0.06), {"memory": rounds(1, drift=0.06)})
    assert "throttled" in shared


def test_a_neighbour_is_seen() -> None:
    random = np.random.default_rng(0)
    busy = [ms * (1.3 if random.random() < 0.5 else 1.0) for ms in rounds(0)]
    assert "noisy neighbour" in remarks(busy, {})[-1]
    assert remarks(rounds(0), {}, stolen=4.4) == ("the hypervisor took 4 % of the processor's time for others",)


def test_a_neighbour_that_never_rests_is_seen() -> None:
    (line,) = remarks(rounds(0), {}, waited=48.2)
    assert line.startswith("noisy neighbour: for 48 % of its time it waited")
    assert remarks(rounds(0), {}, waited=0.4) == ()


def test_few_rounds_are_said_and_noise_is_seen_in_them() -> None:
    (few,) = remarks(rounds(0, count=5), {})
    assert few == "under 8 rounds: drift was not looked for, and intervals are rough"
    assert remarks([4.0], {}) == (few,)
    assert remarks([4.0, 5.6, 4.1], {}) == (
        few,
        "noisy neighbour: half of its rounds differ by more than 20 %; measure again in quiet",
    )


def test_a_warm_up_cut_short_is_said() -> None:
    (line,) = remarks(rounds(0), {}, is_steady=False)
    assert line.startswith("warm-up ended before calls were steady")


def test_stolen_time_is_read_from_the_system(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 50 800 0 0 0 50 0 0\ncpu0 1 2 3\n")
    before = processor_ticks(stat)
    stat.write_text("cpu  150 0 50 820 0 0 0 80 0 0\ncpu0 1 2 3\n")
    assert stolen_percent(before, processor_ticks(stat)) == pytest.approx(30)
    assert stolen_percent(None, before) is None
    assert processor_ticks(tmp_path / "none") is None


def test_medians_by_round() -> None:
    assert round_medians([1.0, 5.0, 3.0, 7.0], [0, 2, 0, 2]) == [2.0, 6.0]
