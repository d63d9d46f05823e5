"""Calls that take turns."""

from __future__ import annotations

import pytest

from edgeseg.bench.times import contest
from edgeseg.bench.times.contest import Contest, take_turns


def test_calls_take_turns_and_the_first_two_do_not_count() -> None:
    seen: list[str] = []
    times = take_turns([lambda: seen.append("a"), lambda: seen.append("b")], seconds=0)
    assert seen == ["a", "b"] * 9
    assert [len(each) for each in times] == [7, 7]
    assert len(take_turns([lambda: None], seconds=0.01)[0]) > 7


def test_a_pool_is_at_rest_before_another_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(contest, "sleep", seen.append)
    times = take_turns([lambda: seen.append("a"), lambda: seen.append("b")], seconds=0, pools=True)
    assert seen == ["a", "b"] * 2 + [contest.SETTLE_S, "a", "a", contest.SETTLE_S, "b", "b"] * 7
    assert [len(each) for each in times] == [7, 7]


@pytest.mark.parametrize(
    ("ms", "slower", "faster"),
    [((2, 2, 2, 2), True, False), ((0.5, 0.5, 0.5, 0.5, 9), False, True), ((0.9, 0.9, 1.1, 1.1), False, False)],
)
def test_a_winner_wins_three_of_four_turns(ms: tuple[float, ...], slower: bool, faster: bool) -> None:
    found = Contest(ms, (1.0,) * len(ms))
    assert (found.is_slower, found.is_faster) == (slower, faster)


def test_the_ratio_is_that_of_the_turns() -> None:
    found = Contest((1.0, 20.0, 3.0), (2.0, 40.0, 1.0))
    assert (found.ratio, found.p50_ms, found.other_p50_ms) == (0.5, 3.0, 2.0)
