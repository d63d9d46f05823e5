from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from edgeseg.core.files import remove_unfinished


def test_what_a_dead_process_was_writing_is_removed_and_nothing_else(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from edgeseg.core.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1]) / 'net.onnx'): os._exit(1)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) as dead:
        dead.wait()
    (left,) = tmp_path.iterdir()
    (tmp_path / "net.onnx").touch()
    remove_unfinished(tmp_path, dead.pid + 1)
    assert left.exists()
    remove_unfinished(tmp_path, dead.pid)
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]
