"""scripts/_venv, with a Python that installs nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON = """#!/bin/sh
[ "$2" != venv ] || { mkdir -p .venv/bin && cp "$0" .venv/bin/python; }
[ "$2" != pip ] || [ -z "${FAIL-}" ]
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the script, one that sources it, and what it reads."""
    clone = tmp_path / "clone"
    (clone / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "_venv", clone / "scripts")
    (clone / "scripts" / "where").write_text('. "$(dirname "$0")/_venv"\ncommand -v python\n')
    for name in ("constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, clone)
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python3.11"
    python.write_text(PYTHON)
    python.chmod(0o755)
    return clone


def run(clone: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{clone.parent / 'bin'}:{os.environ['PATH']}"
    given = {**os.environ, "PATH": path, **environment}
    return subprocess.run(["sh", clone / "scripts" / "where"], env=given, capture_output=True, text=True)


def made(clone: Path) -> bool:
    """Whether an environment was made, and is there, whole and marked as ours."""
    done = run(clone)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(clone / ".venv" / "bin" / "python")
    names = [path.name for path in (clone / ".venv").iterdir() if path.name != "bin"]
    return len(names) == 1 and names[0].startswith("installed-")


def test_an_environment_is_made_once(clone: Path) -> None:
    assert made(clone)
    (clone / ".venv" / "bin" / "mine").touch()
    assert made(clone)
    assert (clone / ".venv" / "bin" / "mine").exists()


def test_it_is_made_anew_for_other_constraints(clone: Path) -> None:
    assert made(clone)
    (clone / ".venv" / "bin" / "mine").touch()
    with (clone / "constraints.txt").open("a") as file:
        file.write("another==1.0\n")
    assert made(clone)
    assert not (clone / ".venv" / "bin" / "mine").exists()


def test_what_was_begun_is_made_anew(clone: Path) -> None:
    assert run(clone, FAIL="yes").returncode != 0
    (clone / ".venv" / "bin" / "half").touch()
    assert made(clone)
    assert not (clone / ".venv" / "bin" / "half").exists()
    shutil.rmtree(clone / ".venv")
    (clone / ".venv").mkdir()
    assert made(clone)


def test_an_environment_of_the_user_is_left(clone: Path) -> None:
    (clone / ".venv").mkdir()
    (clone / ".venv" / "pyvenv.cfg").touch()
    done = run(clone)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{clone}/.venv: not made by scripts/_venv, so it is left; rename or delete it")
    assert [path.name for path in (clone / ".venv").iterdir()] == ["pyvenv.cfg"]
