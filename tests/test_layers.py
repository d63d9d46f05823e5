"""The layer rule: cli -> pipeline -> rooms -> core, and no room knows another."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "edgeseg"
ROOMS = {"models", "data", "exporters", "graphs", "quantize", "runtimes", "bench", "train"}
FILES = sorted(ROOT.rglob("*.py"))
INSIDE_MODELS = {"zoo": {"backbones", "blocks"}, "backbones": {"blocks"}, "blocks": set()}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def allowed(room: str) -> set[str]:
    if room == "core":
        return {"core"}
    if room in ROOMS:
        return {room, "core"}
    if room == "pipeline" or room == "worker.py":
        return ROOMS | {"core", "pipeline"}
    return ROOMS | {"core", "pipeline", "cli", "__version__"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    parts = path.relative_to(ROOT).parts
    for name in imported(path):
        if name.startswith("edgeseg."):
            assert name.split(".")[1] in allowed(parts[0]), f"{path} imports {name}"


@pytest.mark.parametrize("path", [p for p in FILES if p.parts[-2] in INSIDE_MODELS], ids=lambda p: p.stem)
def test_models_build_upwards(path: Path) -> None:
    room = path.parts[-2]
    for name in imported(path):
        parts = name.split(".")
        if parts[:2] == ["edgeseg", "models"] and len(parts) > 2:
            assert parts[2] in INSIDE_MODELS[room] | {room}, f"{path} imports {name}"


def test_core_needs_only_numpy() -> None:
    known = sys.stdlib_module_names | {"numpy", "edgeseg"}
    for path in (ROOT / "core").glob("*.py"):
        assert {name.split(".")[0] for name in imported(path)} <= known, path


@pytest.mark.parametrize("module", ["edgeseg", "edgeseg.cli.main", "edgeseg.pipeline", "edgeseg.models"])
def test_light_imports(module: str) -> None:
    heavy = {"torch", "tensorflow", "keras", "onnx", "onnxruntime", "ai_edge_litert", "PIL", "numba"}
    code = f"import sys, {module}; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not heavy & set(loaded)
