"""Loops that numba compiles."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from numba import njit

from edgeseg.core.compiling import compiled_by

ROOT = Path(__file__).parents[2]
COMPILED = [path for path in sorted((ROOT / "edgeseg").rglob("*.py")) if "from numba import" in path.read_text()]


def test_compiles_where_no_cache_can_be_kept() -> None:
    source = compile("def double(x):\n    return 2 * x\n", "/nowhere/at/all.py", "exec")
    scope: dict = {}
    exec(source, scope)
    assert compiled_by(njit)(scope["double"])(21) == 42


def test_every_compiled_file_serves_where_no_cache_can_be_kept() -> None:
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in COMPILED]
    assert len(modules) > 1
    code = f"import importlib\nfor name in {modules}:\n    importlib.import_module(name)"
    nowhere = {**os.environ, "NUMBA_CACHE_LOCATOR_CLASSES": "ZipCacheLocator"}
    done = subprocess.run([sys.executable, "-c", code], env=nowhere, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
