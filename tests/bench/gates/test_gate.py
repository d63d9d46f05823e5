"""What a gate decides on given measurements, and how it is written."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from rich.console import Console

from edgeseg.bench.gates.gate import Check, GateOptions, Measured, Timing, rule
from edgeseg.bench.gates.gate_tables import gate_json, gate_junit, gate_markdown, gate_table, github_commands
from edgeseg.bench.gates.self_test import SelfTest
from edgeseg.bench.gates.sequential import Interval
from edgeseg.core.errors import InputError

OPTIONS = GateOptions(max_slowdown_percent=3)
SAME = Timing(4.0, 4.02, Interval(1.005, 0.99, 1.02), 1.0, 0.0001, 40)
SLOWER = Timing(4.0, 4.4, Interval(1.1, 1.08, 1.12), 0.0001, 1.0, 40)
UNCLEAR = Timing(4.0, 4.1, Interval(1.03, 0.0, math.inf), 0.4, 0.5, 3)


def sized(growth: float | None) -> Check:
    return Check("file size", "%", 100.0, None if growth is None else 100.0 + growth, 1.0)


@pytest.mark.parametrize(
    ("pairs", "outcome", "code"),
    [
        ([Measured("a", SAME)], "passed", 0),
        ([Measured("a", SAME), Measured("b", SLOWER)], "regression", 1),
        ([Measured("a", SAME), Measured("b", UNCLEAR)], "undecided", 2),
        ([Measured("a", SLOWER), Measured("b", UNCLEAR)], "regression", 1),
        ([Measured("a", SAME, (sized(1.0),))], "passed", 0),
        ([Measured("a", SAME, (sized(1.1),))], "regression", 1),
        ([Measured("a", SAME, (sized(None),))], "undecided", 2),
        ([Measured("a", SAME), Measured("b", failure="no b in new")], "undecided", 2),
        ([Measured("a")], "undecided", 2),
        ([], "undecided", 2),
    ],
)
def test_outcomes_fail_closed(pairs: list[Measured], outcome: str, code: int) -> None:
    verdict = rule(pairs, OPTIONS)
    assert (verdict.outcome, verdict.exit_code) == (outcome, code)


def test_more_pairs_ask_for_more() -> None:
    barely = replace(SLOWER, p_slower=0.004)
    assert rule([Measured("a", barely)], OPTIONS).outcome == "regression"
    assert rule([Measured("a", barely), Measured("b", UNCLEAR)], OPTIONS).outcome == "undecided"
    assert rule([Measured("a", barely), Measured("b", SLOWER)], OPTIONS).rulings[0].outcome == "regression"  # Holm


def test_changes_for_the_worse_are_positive() -> None:
    assert Check("mIoU", "points", 70.0, 69.5, 0.4).change == pytest.approx(0.5)
    assert Check("mIoU", "points", 70.0, 69.5, 0.4).outcome == "regression"
    assert Check("MAdds", "%", 0.0, 5.0, 1.0).change == math.inf
    assert Check("MAdds", "%", 0.0, 0.0, 1.0).outcome == "passed"


@pytest.mark.parametrize(
    "options",
    [
        GateOptions(max_slowdown_percent=-1),
        GateOptions(max_miou_loss_points=math.nan),
        GateOptions(seconds=0),
        GateOptions(confidence_percent=100),
    ],
)
def test_options_that_nothing_can_hold_to(options: GateOptions) -> None:
    with pytest.raises(InputError, match="expected"):
        options.validate()


def test_every_way_of_writing_holds_every_pair() -> None:
    odd = "a|b\n<x>\x07.onnx"
    verdict = rule(
        [Measured("same", SAME, (sized(0.5),)), Measured("slow", SLOWER), Measured(odd, failure="50 %: no\x1b match")],
        OPTIONS,
    )
    told = json.loads(gate_json(rule([Measured("a", UNCLEAR)], OPTIONS)))
    assert told["pairs"][0]["timing"]["interval"] == {"ratio": 1.03, "low": 0.0, "high": None}
    assert [pair["outcome"] for pair in json.loads(gate_json(verdict))["pairs"]] == [
        "passed",
        "regression",
        "undecided",
    ]
    suite = ElementTree.fromstring(gate_junit(verdict))
    assert [suite.get(key) for key in ("tests", "failures", "errors")] == ["3", "1", "1"]
    assert [case.get("name") for case in suite.iter("testcase")] == ["same", "slow", "a|b <x> .onnx"]
    (failure,) = suite.iter("failure")
    assert failure.get("message") == "slower: +10.0 % [+8.0 %, +12.0 %], limit +3 %"
    assert [len(line.split(" | ")) for line in gate_markdown(verdict).splitlines() if line.startswith("| ")] == [7] * 5
    notes = gate_markdown(verdict).rpartition("|\n")[2].strip().splitlines()
    assert len(notes) == 4
    assert all(note.startswith("- ") and "<" not in note for note in notes)
    slow, other = github_commands(verdict)
    assert slow == (
        "::error title=edgeseg gate%3A regression::slow: slower: +10.0 %25 [+8.0 %25, +12.0 %25], limit +3 %25"
    )
    assert "\n" not in other
    console = Console(width=120)
    with console.capture() as shown:
        console.print(gate_table(verdict))
    for word in ("same", "regression", "+8.0 % to +12.0 %", "no", "Holm"):
        assert word in shown.get()


def test_a_self_test_in_words() -> None:
    races = [replace(SAME, interval=Interval(1.0, low, 1.02)) for low in (0.99, 0.98, 0.995)]
    found = SelfTest(tuple(races), OPTIONS)
    assert (found.false_alarms, found.covered) == (0, 3)
    assert found.detectable_percent == pytest.approx(100 * (1.03 / 0.98 - 1))
    assert found.rate_below_percent == pytest.approx(100 * (1 - 0.05 ** (1 / 3)))
    assert found.summary[1] == "intervals that hold the truth: 3 of 3"
    unclear = SelfTest((SAME, UNCLEAR), OPTIONS)
    assert unclear.detectable_percent is None
    assert unclear.summary[1] == "intervals that hold the truth: 1 of 1"
