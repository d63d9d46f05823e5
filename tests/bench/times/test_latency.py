from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

from edgeseg.bench.times import latency
from edgeseg.bench.times.intervals import median_interval
from edgeseg.bench.times.latency import (
    EFFORTS,
    LatencyOptions,
    WarmUp,
    burst_ms,
    share_done,
    summarize,
    warm_up,
)
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
    clock.durations_ms = steady(900, 500, 300, 200, 150, then=100)
    assert warm_up(clock.work, LatencyOptions(warmup_s=60)) == WarmUp(100, is_steady=True)
    assert clock.calls == 12  # Two windows of 3 that fall, and two that are equal.


@pytest.mark.parametrize("effort", EFFORTS)
def test_calls_of_60_ms_that_take_several_to_settle_are_warmed_up(clock: Clock, effort: str) -> None:
    clock.durations_ms = steady(156, 150, 140, 130, 115, 100, 85, 75, 68, then=60)
    assert warm_up(clock.work, EFFORTS[effort]) == WarmUp(60, is_steady=True)


def test_a_window_of_short_calls_takes_50_ms(clock: Clock) -> None:
    clock.durations_ms = steady(*(10 - call / 10 for call in range(90)), then=1)
    assert warm_up(clock.work, LatencyOptions()) == WarmUp(1, is_steady=True)
    assert clock.calls >= 90 + 50


def test_warm_up_ends_with_its_time_when_nothing_is_steady(clock: Clock) -> None:
    clock.durations_ms = iter(range(1000, 1, -10))
    assert warm_up(clock.work, LatencyOptions(warmup_s=2.5)) == WarmUp(960, is_steady=False)
    assert clock.calls == 6


def test_a_slow_network_is_not_warmed_up_for_minutes(clock: Clock) -> None:
    clock.durations_ms = steady(then=1000)
    assert warm_up(clock.work, EFFORTS["quick"]) == WarmUp(1000, is_steady=True)
    assert clock.calls == 6
    clock.durations_ms = steady(9000, then=3000)
    assert not warm_up(clock.work, EFFORTS["quick"]).is_steady
    assert clock.calls == 7


def test_a_burst_leaves_out_its_first_call_but_where_that_is_all_of_it(clock: Clock) -> None:
    clock.durations_ms = steady(70, 11, 12, then=13)
    assert burst_ms(clock.work, 4) == (11, 12, 13, 13)
    clock.durations_ms = steady(70, then=13)
    assert burst_ms(clock.work, 1) == (70,)


@pytest.mark.parametrize(
    ("call_ms", "expected"),
    [
        (1, 2000),  # the minimum time decides
        (100, 64),  # the minimum count decides
        (1000, 20),  # the maximum time decides
    ],
)
def test_sampling_ends_with_time_and_count(call_ms: float, expected: int) -> None:
    shares = [share_done(count, count * call_ms / 1000, LatencyOptions()) for count in range(expected + 1)]
    assert [share >= 1 for share in shares] == [False] * expected + [True]
    assert shares == sorted(shares)


def test_real_sleeps_are_measured() -> None:
    samples = burst_ms(lambda: time.sleep(0.005), 5)
    assert len(samples) == 5
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
        warm_up(lambda: None, options)


def test_summary_equals_numpy() -> None:
    samples = np.random.default_rng(0).gamma(9, 2, 200)
    summary = summarize(samples.tolist())
    low, p50, high, p90, p95 = np.percentile(samples, [25, 50, 75, 90, 95])
    assert (summary.p50_ms, summary.p90_ms, summary.p95_ms) == pytest.approx((p50, p90, p95), rel=1e-12)
    assert summary.p99_ms is None
    assert summary.p50_low_ms is None
    rounds = [number // 5 for number in range(200)]
    rounded = summarize(samples.tolist(), rounds)
    assert (rounded.p50_low_ms, rounded.p50_high_ms) == median_interval(samples.tolist(), rounds)
    assert summary.spread_percent == pytest.approx(100 * (high - low) / p50, rel=1e-12)


def test_few_or_bad_samples() -> None:
    summary = summarize([2.0, 4.0])
    assert (summary.p50_ms, summary.spread_percent) == (3.0, None)
    for bad in ([], [1.0, float("nan")], [-1.0]):
        with pytest.raises(MeasureError):
            summarize(bad)
