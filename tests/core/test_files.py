from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

WRITES = """
import sys, time
from pathlib import Path
from edgeseg.core.files import atomic_path, atomic_write, temporary_folder

root = Path(sys.argv[1])
atomic_write(root / "before.txt", "whole")
with atomic_path(root / "net.onnx") as half, temporary_folder() as folder:
    half.write_text("half of it")
    (folder / "part").write_text("of what it is made from")
    print(half, folder, sep="\\n", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("everything", [False, True])
def test_what_a_killed_process_was_writing_is_removed_and_nothing_else(tmp_path: Path, everything: bool) -> None:
    (tmp_path / "net.onnx").write_text("the one before")
    command = [sys.executable, "-c", WRITES, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        unfinished = [Path(process.stdout.readline().strip()) for _ in range(2)]
        assert all(path.exists() for path in unfinished)
        if everything:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    end = time.monotonic() + 30
    while any(path.exists() for path in unfinished) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any(path.exists() for path in unfinished)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "before.txt": "whole",
        "net.onnx": "the one before",
    }
