"""The action as GitHub would run it: its own script, with its own defaults."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.small import small_onnx

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())


def run_action(folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """The last step of action.yml, with `inputs` filled in as the runner does."""
    inputs = {name: str(declared.get("default", "")) for name, declared in ACTION["inputs"].items()} | given
    step = ACTION["runs"]["steps"][-1]
    filled = {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: inputs[found[1]], text)
        for name, text in step["env"].items()
    }
    runner = folder.with_name(f"{folder.name} runner")
    runner.mkdir()
    (runner / "edgeseg").symlink_to(Path(sys.executable).parents[1])
    given_by_runner = {"RUNNER_TEMP": str(runner), "GITHUB_OUTPUT": str(runner / "output"), "GITHUB_ACTIONS": "true"}
    environment = {**os.environ, **filled, **given_by_runner}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def outcome_told(folder: Path) -> str:
    return (folder.with_name(f"{folder.name} runner") / "output").read_text()


@pytest.mark.parametrize(("layers", "code", "outcome"), [(2, 0, "passed"), (9, 1, "regression")])
def test_a_slowed_model_fails_and_the_same_one_passes(layers: int, code: int, outcome: str, tmp_path: Path) -> None:
    small_onnx(tmp_path / "old" / "net.onnx", 2)
    small_onnx(tmp_path / "new" / "net.onnx", layers)
    given = {"max-slowdown": "60%", "seconds": "60", "options": "--max-size-growth 1000% --threads 1"}
    done = run_action(tmp_path, baseline="old", candidate="new", **given)
    assert done.returncode == code, done.stdout + done.stderr
    assert ("::error" in done.stdout) == bool(code)
    assert outcome_told(tmp_path) == f"outcome={outcome}\n"
    assert (tmp_path / "edgeseg-gate.xml").exists()


def test_inputs_are_data_and_no_commands(tmp_path: Path) -> None:
    done = run_action(tmp_path, baseline="$(touch a)", candidate="`touch b`", options="--threads 1; touch c; *")
    assert done.returncode == 2
    assert outcome_told(tmp_path) == "outcome=undecided\n"
    assert not list(tmp_path.iterdir())


def test_the_example_of_the_docs_uses_inputs_that_exist() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "gate.md").read_text(), re.DOTALL)
    steps = [yaml.safe_load(blocks[0])[0], yaml.safe_load(blocks[1])["jobs"]["gate"]["steps"][-1]]
    own = yaml.safe_load((ROOT / ".github" / "workflows" / "gate.yml").read_text())["jobs"]["latency"]["steps"][-1]
    assert own["uses"] == "./"
    for step in (*steps, own):
        assert set(step["with"]) <= set(ACTION["inputs"])
        assert all(name in step["with"] for name, declared in ACTION["inputs"].items() if declared.get("required"))
