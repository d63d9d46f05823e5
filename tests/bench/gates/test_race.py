"""Races of simulated runners on a simulated clock: thousands of gates, and how often each is right."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from edgeseg.bench.gates.gate import GateOptions, Measured, rule
from edgeseg.bench.gates.race import race

OPTIONS = GateOptions(max_slowdown_percent=3, seconds=15)


class Machine:
    """Two networks of about 4 ms that a neighbour slows for a while every now and then.

    `shared` is the chance that a turn takes twice as long, since another process has the same core.
    """

    def __init__(
        self,
        seed: int,
        ratio: float,
        noise: float = 0.01,
        layout: float = 0.01,
        busy: float = 0.4,
        opening: float = 0.08,
        shared: float = 0.0,
    ) -> None:
        self.random = np.random.default_rng(seed)
        self.opening, self.shared = opening, shared
        self.means = [4.0, 4.0 * ratio]
        self.noise, self.layout, self.busy = noise, layout, busy
        self.seconds = 2.0
        self.layouts = [1.0, 1.0]
        self.until, self.slowed = 0.0, 1.0
        self.turns = 0
        self.delays: dict[int, float] = {}

    def clock(self) -> float:
        return self.seconds

    def runner(self, index: int):
        def run(anew: bool) -> list[float]:
            self.turns += 1
            self.seconds += self.delays.get(self.turns, 0.0)
            if anew:
                self.seconds += self.opening
                self.layouts[index] = np.exp(self.layout * self.random.standard_normal())
            if self.seconds > self.until:
                self.until = self.seconds + self.random.exponential(0.3)
                self.slowed = 1.3 if self.random.random() < self.busy else 1.0
            waits = 1 + (self.random.random() < self.shared)
            mean = waits * self.means[index] * self.layouts[index] * self.slowed
            times = mean * np.exp(self.noise * self.random.random(3))
            self.seconds += 4 * times.mean() / 1000
            return times.tolist()

        return run

    def race(self, options: GateOptions = OPTIONS, *, to_the_end: bool = False):
        runners = self.runner(0), self.runner(1)
        return race(*runners, options, to_the_end=to_the_end, clock=self.clock, started=0.0)


def outcomes(ratio: float, runs: int, **machine: float) -> tuple[Counter[str], float]:
    """How often each outcome came, and the share of intervals that hold the truth."""
    found: Counter[str] = Counter()
    covered = 0
    for seed in range(runs):
        timing = Machine(seed, ratio, **machine).race()
        found[rule([Measured("net", timing)], OPTIONS).outcome] += 1
        covered += timing.interval.low <= ratio <= timing.interval.high
    return found, covered / runs


@pytest.mark.parametrize(
    ("ratio", "machine"),
    [(1.0, {}), (1.02, {}), (1.03, {}), (1.03, {"noise": 0.3, "busy": 0.5}), (1.0, {"noise": 0.5})],
)
def test_false_alarms_are_rare(ratio: float, machine: dict[str, float]) -> None:
    found, covered = outcomes(ratio, 60, **machine)
    assert found["regression"] <= 1
    assert covered >= 0.95


def test_rounds_of_two_turns_do_not_lean_to_the_slower_side() -> None:
    found, covered = outcomes(1.0, 60, opening=0.02, shared=0.5, busy=0)
    assert found["regression"] <= 1
    assert covered >= 0.95


def test_five_percent_is_caught_and_nothing_is_passed() -> None:
    found, covered = outcomes(1.05, 60)
    assert found["regression"] >= 57
    assert covered >= 0.95


def test_no_slowdown_is_passed_early() -> None:
    machine = Machine(0, 1.0)
    timing = machine.race()
    assert rule([Measured("net", timing)], OPTIONS).outcome == "passed"
    assert machine.seconds < 12
    assert timing.baseline_ms == pytest.approx(4.1, rel=0.3)


def test_a_race_ends_with_its_time() -> None:
    machine = Machine(0, 1.03)
    timing = machine.race()
    assert rule([Measured("net", timing)], OPTIONS).outcome == "undecided"
    assert 15 <= machine.seconds < 16
    slow = Machine(0, 1.5)
    slow.means = [60_000.0, 90_000.0]
    assert slow.race().interval.low == 0.0
    assert slow.turns == 6  # Each takes two to calibrate and one that counts.


def test_one_disturbed_turn_does_not_say_how_many_are_worth_opening_for() -> None:
    quiet, disturbed = Machine(0, 1.0, busy=0), Machine(0, 1.0, busy=0)
    disturbed.delays = {4: 0.3}
    rounds = [machine.race(to_the_end=True).rounds for machine in (quiet, disturbed)]
    assert rounds[1] == pytest.approx(rounds[0], rel=0.2)


def test_the_same_seed_gives_the_same_race() -> None:
    assert Machine(1, 1.01).race() == Machine(1, 1.01).race()


def test_a_race_to_the_end_keeps_to_what_was_decided() -> None:
    """At a confidence of 50 % many alarms are raised that the later rounds would take back."""
    options = GateOptions(max_slowdown_percent=0, confidence_percent=50)
    stopped, ended = (
        [Machine(seed, 1.0).race(options, to_the_end=to_the_end) for seed in range(60)] for to_the_end in (False, True)
    )
    outcomes = [[rule([Measured("net", timing)], options).outcome for timing in found] for found in (stopped, ended)]
    assert outcomes[0] == outcomes[1]
    assert 5 <= outcomes[0].count("regression") <= 25
    assert sum(timing.rounds for timing in ended) > sum(timing.rounds for timing in stopped)
