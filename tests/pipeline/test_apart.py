"""Work in a fresh process."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.core.errors import InputError, WorkError
from edgeseg.core.source import Source
from edgeseg.pipeline.apart import apart
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.silence import silent


def test_modules_here_named_like_those_of_python_are_not_taken_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise OSError('not the one of Python')\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="'nothing' is no task"):
        apart("nothing", "it", {}, 1, silent)


def test_a_process_that_dies_after_words_that_are_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text("import os\ndef boom():\n    os.write(2, b'gone: r\\xe9seau')\n    os.abort()\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkError, match=r"mine:boom: the process at work on it was ended by SIGABRT"):
        apart("measure", "mine:boom", Job(Source("mine:boom")).to_json(), 1, silent)


@pytest.mark.parametrize(("number", "name"), [(9, "SIGKILL; it may have run out of memory"), (40, "signal 40")])
def test_a_process_that_dies_at_its_answer(
    number: int, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(
        f"""
import os
def boom():
    for number in range(3, 32):  # Of which one is for the answer.
        try:
            os.write(number, b'{{"ans')
        except OSError:
            pass
    os.kill(os.getpid(), {number})
"""
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkError, match=f"mine:boom: the process at work on it was ended by {name}"):
        apart("measure", "mine:boom", Job(Source("mine:boom")).to_json(), 1, silent)
