"""Calls that take turns."""

from __future__ import annotations

import pytest

from edgeseg.bench.times.contest import Contest, take_turns


def test_calls_take_turns_and_the_first_two_do_not_count() -> None:
    seen: list[str] = []
    times = take_turns([lambda: seen.append("a"), lambda: seen.append("b")], seconds=0, turns=5)
    assert seen == ["a", "b"] * 7
    assert [len(each) for each in times] == [5, 5]
    assert len(take_turns([lambda: None], seconds=0.01)[0]) > 7


@pytest.mark.parametrize(
    ("ms", "slower", "faster"),
    [((2, 2, 2, 2), True, False), ((0.5, 0.5, 0.5, 0.5, 9), False, True), ((0.9, 0.9, 1.1, 1.1), False, False)],
)
def test_a_winner_wins_three_of_four_turns(ms: tuple[float, ...], slower: bool, faster: bool) -> None:
    contest = Contest(ms, (1.0,) * len(ms))
    assert (contest.is_slower, contest.is_faster) == (slower, faster)


def test_the_ratio_is_that_of_the_turns() -> None:
    contest = Contest((1.0, 20.0, 3.0), (2.0, 40.0, 1.0))
    assert (contest.ratio, contest.p50_ms, contest.other_p50_ms) == (0.5, 3.0, 2.0)
