"""Times of two runs, held against reference work."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeseg.bench.gates.corrected import Run, corrected_timing, draws_for
from edgeseg.bench.gates.gate import GateOptions, Measured, rule
from edgeseg.core.errors import InputError

OPTIONS = GateOptions(max_slowdown_percent=10)


def run(ms: float, arithmetic: float, memory: float, seed: int, rounds: int = 30) -> Run:
    random = np.random.default_rng(seed)
    arithmetic_ms, memory_ms, own = (
        (mean * np.exp(0.02 * random.standard_normal(rounds))).tolist() for mean in (arithmetic, memory, ms)
    )
    return Run(own, {"arithmetic": arithmetic_ms, "memory": memory_ms})


@pytest.mark.parametrize(("slower", "outcome"), [(1.0, "passed"), (1.3, "regression"), (1.1, "undecided")])
def test_a_machine_of_half_the_speed_is_corrected_for(slower: float, outcome: str) -> None:
    timing = corrected_timing(run(5, 1, 2, 0), run(10 * slower, 2, 4, 1), OPTIONS)
    assert timing.interval.low < slower < timing.interval.high
    assert rule([Measured("net", timing)], OPTIONS).outcome == outcome
    assert "2.0" in timing.note


def test_workloads_that_disagree_widen_the_interval() -> None:
    alike = corrected_timing(run(5, 1, 2, 0), run(5, 1, 2, 1), OPTIONS).interval
    apart = corrected_timing(run(5, 1, 2, 0), run(5, 1, 2.6, 1), OPTIONS).interval
    assert apart.low < 1 / 1.25
    assert apart.high > 1
    assert apart.high - apart.low > 3 * (alike.high - alike.low)


def test_a_run_without_reference_is_refused() -> None:
    with pytest.raises(InputError, match="reference workloads; bench it again"):
        corrected_timing(Run([5.0], {}), run(5, 1, 2, 0), OPTIONS)


@pytest.mark.parametrize(
    ("then", "now", "whose", "remedy"),
    [(30, 9, "candidate", "give it more --seconds"), (9, 30, "baseline", "bench it again with --effort strict")],
)
@pytest.mark.parametrize("slower", [0.5, 2.0])
def test_too_few_rounds_decide_nothing(then: int, now: int, whose: str, remedy: str, slower: float) -> None:
    timing = corrected_timing(run(5, 1, 2, 0, then), run(5 * slower, 1, 2, 1, now), OPTIONS)
    assert rule([Measured("net", timing)], OPTIONS).outcome == "undecided"
    assert f"the {whose}'s run has 9 rounds" in timing.undecidable
    assert timing.undecidable.endswith(remedy)


@pytest.mark.parametrize(("then", "now", "whose"), [(40, 0, "baseline"), (None, 40, "candidate"), (0, None, "")])
def test_a_run_that_had_to_wait_decides_nothing(then: float | None, now: float | None, whose: str) -> None:
    """The reference work may fit between the spells of a neighbour, and a network's longer calls may not."""
    runs = replace(run(5, 1, 2, 0), waited_percent=then), replace(run(10, 1, 2, 1), waited_percent=now)
    ruling = rule([Measured("net", corrected_timing(*runs, OPTIONS))], OPTIONS).rulings[0]
    assert ruling.outcome == ("undecided" if whose else "regression")
    assert ruling.reasons[0].startswith(f"the {whose} waited" if whose else "slower")


@pytest.mark.parametrize("rounds", [10, 30])
def test_a_ratio_at_the_limit_is_seldom_called(rounds: int) -> None:
    timings = [
        corrected_timing(run(5, 1, 2, 2 * seed), run(5.5, 1, 2, 2 * seed + 1, rounds), OPTIONS) for seed in range(60)
    ]
    outcomes = [rule([Measured("net", timing)], OPTIONS).outcome for timing in timings]
    assert outcomes.count("undecided") >= 58
    assert sum(timing.interval.low <= 1.1 <= timing.interval.high for timing in timings) >= 58


@pytest.mark.parametrize(("slower", "outcome"), [(0.1, "passed"), (10, "regression")])
def test_many_pairs_are_decided_too(slower: float, outcome: str) -> None:
    timing = corrected_timing(run(5, 1, 2, 0), run(5 * slower, 1, 2, 1), OPTIONS, pairs=60)
    verdict = rule([Measured(str(number), timing) for number in range(60)], OPTIONS)
    assert {ruling.outcome for ruling in verdict.rulings} == {outcome}


def test_more_than_can_be_decided_is_said_before_anything_is_timed() -> None:
    with pytest.raises(InputError, match=r"60 pairs at 99\.999 %: more than a stored record can decide"):
        draws_for(GateOptions(confidence_percent=99.999), 60)
