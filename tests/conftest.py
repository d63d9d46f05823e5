"""The command line as a process, and small artifacts for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

import edgeseg

Run = Callable[..., "subprocess.CompletedProcess[str]"]

# A background job of a shell inherits that Ctrl-C is ignored, which every process started here would inherit in turn.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def cli(tmp_path: Path) -> Run:
    """Runs `edgeseg ARGUMENTS` in an empty folder."""

    def run(*arguments: str | Path, folder: Path = tmp_path, seconds: float = 600) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("edgeseg")), *map(str, arguments)]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds)

    return run


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with fastscnn at 64x128, float and int8, in both formats, which all workers share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "workspace"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            making = tmp_path_factory.mktemp("making")
            for target in ("onnx", "tflite"):
                artifact = edgeseg.export("fastscnn", target, size="64x128", folder=making)
                edgeseg.quantize(artifact, count=2)
            making.rename(folder)
    return folder
