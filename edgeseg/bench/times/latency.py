"""How long a call takes: warm-up, raw samples, when there are enough, and what can be said of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter_ns

from edgeseg.bench.times.intervals import median_interval, percentile, samples_for
from edgeseg.core.errors import InputError, MeasureError

__all__ = [
    "EFFORTS",
    "LatencyOptions",
    "LatencySummary",
    "WarmUp",
    "burst_ms",
    "share_done",
    "summarize",
    "uncounted_calls",
    "warm_up",
]

_NS_PER_MS = 1e6
_NS_PER_S = 1e9
_SPREAD_SAMPLES = 4
_WINDOW_NS = 5e7
_LONGEST = 6
"""Times `warmup_s`, in which calls that are too slow for two windows end."""


@dataclass(frozen=True)
class LatencyOptions:
    """When warm-up and sampling end.

    Warm-up ends when the median of the last window is within `steady_percent` of the median of the window before, a
    window being `window` calls, or more where they take less than 50 ms; or, steady or not, after `warmup_s` and two
    windows, or after six times `warmup_s`. One call is made in any case. Sampling ends when both `min_seconds` and
    `min_samples` are reached, or at `max_seconds`, which count the time of the samples alone; one is taken in any case.
    """

    warmup_s: float = 3.0
    window: int = 3
    steady_percent: float = 2.0
    min_seconds: float = 2.0
    min_samples: int = samples_for(90)
    max_seconds: float = 20.0


EFFORTS: Mapping[str, LatencyOptions] = {
    "quick": LatencyOptions(warmup_s=1.5, min_seconds=0.5, min_samples=10, max_seconds=5.0),
    "default": LatencyOptions(),
    "strict": LatencyOptions(warmup_s=10.0, min_seconds=60.0, min_samples=1024, max_seconds=3600.0),
}
"""`strict` is MLPerf LoadGen's single stream: 60 seconds and 1024 queries at least."""


@dataclass(frozen=True)
class WarmUp:
    """The time that a call took at last, as the median of the last calls, and whether that was steady by then."""

    call_ms: float
    is_steady: bool


@dataclass(frozen=True)
class LatencySummary:
    """Raw samples in a few figures. None where there are too few samples, or rounds, to state one.

    The median lies between `p50_low_ms` and `p50_high_ms` with 95 %, by bootstrap over rounds.
    `spread_percent` is the interquartile range over the median (from 4 samples on); the percentiles are those of
    `intervals.percentile`.
    """

    p50_ms: float
    p50_low_ms: float | None
    p50_high_ms: float | None
    p90_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    spread_percent: float | None


def warm_up(call: Callable[[], object], options: LatencyOptions) -> WarmUp:
    """Call until steady, or until the time for it is over; InputError for options that contradict themselves."""
    _validate(options)
    start, before = perf_counter_ns(), None
    while True:
        times = _window(call, options, start + _LONGEST * options.warmup_s * _NS_PER_S)
        now, whole = median(times), len(times) >= options.window
        is_steady = before is not None and whole and abs(now - before) <= before * options.steady_percent / 100
        is_over = perf_counter_ns() - start >= options.warmup_s * _NS_PER_S
        if is_steady or not whole or (is_over and before is not None):
            return WarmUp(now / _NS_PER_MS, is_steady)
        before = now


def _window(call: Callable[[], object], options: LatencyOptions, end_ns: float) -> list[int]:
    """Times in ns of the calls of one window, which `end_ns` cuts short."""
    times: list[int] = []
    while len(times) < options.window or sum(times) < _WINDOW_NS:
        before = perf_counter_ns()
        call()
        after = perf_counter_ns()
        times.append(after - before)
        if after >= end_ns:
            break
    return times


def uncounted_calls(calls: int) -> int:
    """How many come before a burst of so many, to find again what others drove out of the caches.

    None before a single one, which is long enough to be one or two percent longer for that: twice as many bursts tell
    more.
    """
    return min(1, calls - 1)


def burst_ms(call: Callable[[], object], calls: int) -> tuple[float, ...]:
    """Times in milliseconds of so many calls, after those that do not count."""
    samples = []
    for _ in range(uncounted_calls(calls)):
        call()
    for _ in range(calls):
        before = perf_counter_ns()
        call()
        samples.append(perf_counter_ns() - before)
    return tuple(ns / _NS_PER_MS for ns in samples)


def summarize(samples: Sequence[float], rounds: Sequence[int] = ()) -> LatencySummary:
    """Sum up samples in milliseconds, with the round of each where it is known.

    Raises MeasureError where there are none, one is not a time, or one has no round.
    """
    if not samples:
        raise MeasureError("no latency samples to summarize; measure at least one call")
    if not all(math.isfinite(ms) and ms >= 0 for ms in samples):
        raise MeasureError("latency samples hold a value that is not a time; measure again")
    p50, spread = median(samples), None
    if len(samples) >= _SPREAD_SAMPLES and p50 > 0:
        lower, _, upper = quantiles(samples, n=4, method="inclusive")
        spread = 100 * (upper - lower) / p50
    p90, p95, p99 = (percentile(samples, percent) for percent in (90, 95, 99))
    low, high = (median_interval(samples, rounds) if rounds else None) or (None, None)
    return LatencySummary(p50, low, high, p90, p95, p99, spread)


def _validate(options: LatencyOptions) -> None:
    if options.window < 1 or options.min_samples < 1 or options.warmup_s < 0 or options.steady_percent < 0:
        raise InputError(f"{options}: window and min_samples start at 1, warmup_s and steady_percent at 0")
    if not 0 <= options.min_seconds <= options.max_seconds:
        raise InputError(f"{options}: min_seconds must lie between 0 and max_seconds")


def share_done(count: int, seconds: float, options: LatencyOptions) -> float:
    """From 0 to 1: how much of the sampling is behind us."""
    by_count = count / options.min_samples
    by_time = seconds / options.min_seconds if options.min_seconds else 1.0
    by_limit = seconds / options.max_seconds if options.max_seconds else 1.0
    return min(1.0, max(min(by_count, by_time), by_limit))
