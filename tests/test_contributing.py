"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the package."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECIPE = re.compile(r"^## (Add [^\n]+)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^```(\w+) ?([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
RECIPES = RECIPE.findall((ROOT / "CONTRIBUTING.md").read_text())


def test_the_three_recipes_are_there() -> None:
    assert [title.split()[2] for title, _ in RECIPES] == ["network", "dataset", "runtime"]


@pytest.mark.parametrize(("title", "text"), RECIPES, ids=[title for title, _ in RECIPES])
def test_recipe(title: str, text: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "edgeseg", tmp_path / "edgeseg", ignore=shutil.ignore_patterns("__pycache__"))
    work = tmp_path / "work"
    work.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    files = commands = 0
    for language, path, body in BLOCK.findall(text):
        if language == "python":
            assert not (tmp_path / path).exists(), f"{path} is taken"
            (tmp_path / path).write_text(body)
            files += 1
            continue
        for line in body.strip().splitlines():
            words = shlex.split(line)
            assert words[0] == "edgeseg"
            command = [sys.executable, "-m", "edgeseg", *words[1:]]
            done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, timeout=600)
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
            commands += 1
    assert files == 1, "a recipe is one file"
    assert commands
