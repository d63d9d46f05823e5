"""Calls that fail, die and write files in another process; turns; tables in a document."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from common.apart import Apart, Failed
from common.document import check_markers, replace_between, table
from common.turns import Turns, taken_ms

from edgeseg.core.errors import InputError


def test_what_fails_or_dies_is_a_reason() -> None:
    with Apart() as apart:
        assert apart.call(int, "7") == 7
        assert apart.call(int, "seven") == Failed("ValueError: invalid literal for int() with base 10: 'seven'")
        assert apart.call(os._exit, 3) == Failed("the process died")
        assert apart.call(int, "7") == 7


def test_files_and_reasons_are_kept(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("content")
    target = tmp_path / "made"
    with Apart() as apart:
        assert apart.make(target, os.rename, tmp_path / "missing") == Failed(
            (tmp_path / "made.failed").read_text(encoding="utf-8")
        )
        assert isinstance(apart.make(target, os.link, tmp_path / "given"), Failed), "tried again in spite of the note"
        (tmp_path / "made.failed").unlink()
        assert apart.make(target, os.link, tmp_path / "given") == target
        assert apart.make(target, os.rename, tmp_path / "missing") == target
    assert target.read_text() == "content"


def test_each_call_has_its_turn_in_every_round() -> None:
    order: list[int] = []
    samples = taken_ms([lambda: order.append(0), lambda: order.append(1)], Turns(rounds=5, seconds=0, least=2))
    assert [len(each) for each in samples] == [2, 2]
    assert [sorted(order[i : i + 2]) for i in range(0, len(order), 2)] == [[0, 1]] * 5
    assert order != [0, 1] * 5


def test_tables_replace_what_is_between_the_markers(tmp_path: Path) -> None:
    document = tmp_path / "results.md"
    document.write_text("a\n<!-- tables: benchmarks/x.py -->\nold\n<!-- end of tables -->\nb\n", encoding="utf-8")
    replace_between(document, "x.py", table(["network", "ms"], [["a|b", "1"]]))
    text = document.read_text(encoding="utf-8")
    assert "old" not in text
    assert "| network | ms |\n| --- | ---: |\n| a/b | 1 |\n" in text
    assert text.startswith("a\n") and text.endswith("<!-- end of tables -->\nb\n")
    with pytest.raises(InputError, match="no place for the tables"):
        check_markers(document, "y.py")
