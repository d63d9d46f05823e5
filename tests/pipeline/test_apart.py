"""Work in a fresh process."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.core.errors import InputError
from edgeseg.pipeline.apart import apart
from edgeseg.pipeline.silence import silent


def test_modules_here_named_like_those_of_python_are_not_taken_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise OSError('not the one of Python')\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="'nothing' is no task"):
        apart("nothing", "it", {}, 1, silent)
