"""Processes that die, stall and answer, in place of those that quantize."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from fuzzing import campaign
from fuzzing.outcome import Outcome

CASE = """
import json, os, sys, time
for given in sys.argv[1:]:
    seed, _, format = given.partition(":")
    if seed == "1":
        os.abort()
    if seed == "2":
        time.sleep(60)
    print("of a library")
    print(json.dumps({"seed": int(seed), "format": format, "kind": "int8", "sqnr_db": 30.0}), flush=True)
"""


@pytest.fixture
def outcomes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[int, Outcome]:
    (tmp_path / "case.py").write_text(CASE)
    monkeypatch.setattr(campaign, "COMMAND", [sys.executable, str(tmp_path / "case.py")])
    monkeypatch.setattr(campaign, "TIMEOUT_S", 5.0)
    return {found.seed: found for found in campaign.outcomes([(seed, "tflite") for seed in range(4)], jobs=2)}


def test_a_death_is_its_own_seed_alone(outcomes: dict[int, Outcome]) -> None:
    assert outcomes[1] == Outcome(1, "tflite", "crashed", reason="died of SIGABRT")
    assert outcomes[0].holds
    assert outcomes[3].holds
    assert not outcomes[1].holds


def test_what_takes_too_long_is_killed(outcomes: dict[int, Outcome]) -> None:
    assert outcomes[2].kind == "crashed"
    assert outcomes[2].reason.startswith("killed after 5 s")
