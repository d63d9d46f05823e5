from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgeseg.core.files import atomic_write

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


def test_a_file_gets_the_mode_that_others_get_and_keeps_its_own(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        atomic_write(tmp_path / "new", "x")
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600
        (tmp_path / "new").chmod(0o664)
        atomic_write(tmp_path / "new", "y")
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o664
    finally:
        os.umask(before)


KILLED_AS_IT_BEGINS = """
import os, signal, sys, tempfile
from pathlib import Path
from edgeseg.core import files

root, make = Path(sys.argv[1]), os.open if sys.argv[2] == "file" else os.mkdir
tempfile.tempdir = sys.argv[1]

def killed(path, *arguments, **more):
    made = make(path, *arguments, **more)
    if any(root.iterdir()):
        os.kill(os.getpid(), signal.SIGKILL)
    return made

setattr(os, make.__name__, killed)
with files.atomic_path(root / "net.onnx") if sys.argv[2] == "file" else files.temporary_folder():
    pass
"""


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_was_just_made_is_removed_too(tmp_path: Path, what: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED_AS_IT_BEGINS, str(tmp_path), what], check=False)
    assert done.returncode == -signal.SIGKILL
    end = time.monotonic() + 30
    while any(tmp_path.iterdir()) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any(tmp_path.iterdir())
