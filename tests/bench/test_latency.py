from __future__ import annotations

import gc
import time
from collections.abc import Iterator

import numpy as np
import pytest

from edgeseg.bench import latency
from edgeseg.bench.latency import P90_SAMPLES, LatencyOptions, sample_ms, summarize
from edgeseg.core.errors import InputError, MeasureError


class Clock:
    """Time that passes only in the calls that are measured."""

    def __init__(self, durations_ms: Iterator[float]) -> None:
        self.now_ns = 0
        self.durations_ms = durations_ms
        self.calls = 0

    def __call__(self) -> int:
        return self.now_ns

    def work(self) -> None:
        self.calls += 1
        self.now_ns += round(1e6 * next(self.durations_ms))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(iter(()))
    monkeypatch.setattr(latency, "perf_counter_ns", clock)
    return clock


def steady(*first: float, then: float) -> Iterator[float]:
    yield from first
    while True:
        yield then


def test_warm_up_ends_when_two_windows_agree(clock: Clock) -> None:
    clock.durations_ms = steady(90, 50, 30, 20, 15, then=10)
    samples = sample_ms(clock.work, LatencyOptions(warmup_s=60, window=3, min_samples=4, min_seconds=0))
    assert samples == (10.0,) * 4
    # 5 falling calls, then two windows of 3 that are equal but for one call of the fall inside the older median
    assert clock.calls - len(samples) == 10


def test_warm_up_ends_with_its_time_when_nothing_is_steady(clock: Clock) -> None:
    clock.durations_ms = iter(range(1000, 1, -10))
    samples = sample_ms(clock.work, LatencyOptions(warmup_s=2.5, min_samples=1, min_seconds=0, max_seconds=1))
    assert samples == (970.0,)


def test_one_call_warms_up_a_slow_network(clock: Clock) -> None:
    clock.durations_ms = steady(9000, then=3000)
    assert sample_ms(clock.work, LatencyOptions(min_samples=2, min_seconds=1)) == (3000.0, 3000.0)


@pytest.mark.parametrize(
    ("call_ms", "expected"),
    [
        (1, 2000),  # the minimum time decides
        (100, 64),  # the minimum count decides
        (1000, 20),  # the maximum time decides
    ],
)
def test_sampling_ends_with_time_and_count(clock: Clock, call_ms: float, expected: int) -> None:
    clock.durations_ms = steady(then=call_ms)
    assert len(sample_ms(clock.work)) == expected


def test_progress_ends_at_100_and_is_seldom(clock: Clock) -> None:
    clock.durations_ms = steady(then=1)
    told: list[tuple[str, int, int]] = []
    sample_ms(clock.work, progress=lambda *step: told.append(step))
    assert told[-1] == ("latency", 100, 100)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert len(told) <= 9


def test_garbage_collection_rests_and_comes_back() -> None:
    seen: list[bool] = []
    options = LatencyOptions(warmup_s=0, min_samples=3, min_seconds=0)
    sample_ms(lambda: seen.append(gc.isenabled()), options)
    assert seen == [True, False, False, False]

    def fail() -> None:
        if not gc.isenabled():
            raise MeasureError("broken")

    with pytest.raises(MeasureError):
        sample_ms(fail, options)
    assert gc.isenabled()


def test_real_sleeps_are_measured() -> None:
    samples = sample_ms(lambda: time.sleep(0.005), LatencyOptions(warmup_s=0, min_samples=10, min_seconds=0.02))
    assert len(samples) >= 10
    assert 5 <= min(samples) < 30


@pytest.mark.parametrize(
    "options",
    [
        LatencyOptions(min_samples=0),
        LatencyOptions(window=0),
        LatencyOptions(warmup_s=-1),
        LatencyOptions(min_seconds=5, max_seconds=1),
    ],
)
def test_contradicting_options_are_refused(options: LatencyOptions) -> None:
    with pytest.raises(InputError):
        sample_ms(lambda: None, options)


def test_summary_equals_numpy() -> None:
    samples = np.random.default_rng(0).gamma(9, 2, 200)
    summary = summarize(samples.tolist())
    low, p50, high, p90 = np.percentile(samples, [25, 50, 75, 90])
    assert summary.count == 200
    assert summary.minimum_ms == samples.min()
    assert (summary.p50_ms, summary.p90_ms) == pytest.approx((p50, p90), rel=1e-12)
    assert summary.spread_percent == pytest.approx(100 * (high - low) / p50, rel=1e-12)


def test_p90_needs_samples_enough_to_be_stated() -> None:
    assert summarize([1.0] * (P90_SAMPLES - 1)).p90_ms is None
    assert summarize([1.0] * P90_SAMPLES).p90_ms == 1.0
    above_second_largest = 0.9**P90_SAMPLES + P90_SAMPLES * 0.1 * 0.9 ** (P90_SAMPLES - 1)
    one_fewer = 0.9 ** (P90_SAMPLES - 1) + (P90_SAMPLES - 1) * 0.1 * 0.9 ** (P90_SAMPLES - 2)
    assert above_second_largest < 0.01 < one_fewer


def test_few_or_bad_samples() -> None:
    summary = summarize([2.0, 4.0])
    assert (summary.p50_ms, summary.spread_percent) == (3.0, None)
    for bad in ([], [1.0, float("nan")], [-1.0]):
        with pytest.raises(MeasureError):
            summarize(bad)
