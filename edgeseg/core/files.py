"""Files that are either whole or not there, however the process ends."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from secrets import token_hex
from stat import S_IMODE
from threading import Lock

from edgeseg.core.errors import InputError, WorkError, told_of

__all__ = ["atomic_path", "atomic_write", "filled_folder", "need_writable", "remove", "temporary_folder"]

_GUARD = """
import json, os, shutil, sys
unfinished = set()
for line in sys.stdin:
    unfinished ^= {json.loads(line)}
for path in unfinished:
    if os.path.isdir(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.exists(path):
        os.unlink(path)
"""
"""Told each path when it is begun and when it is done; removes what is left once nobody can tell it any more."""
_starting = Lock()


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A temporary path beside `target`, moved onto it when the block ends well and removed when it does not.

    Raises WorkError where the system refuses (disk full, no permission).
    """
    temporary = target.parent / f".{target.stem}.{token_hex(4)}{target.suffix}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _unfinished(temporary), told_of(target, temporary):
            try:
                temporary.touch(exist_ok=False)
                mode = S_IMODE((target if target.is_file() else temporary).stat().st_mode)
                yield temporary
                temporary.chmod(mode)  # Some tools put a file of their own there.
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        if error.errno is None:
            raise
        elsewhere = error.filename is not None and Path(error.filename).parent != target.parent
        where = f"{target} (at {error.filename})" if elsewhere else target
        raise WorkError(
            f"cannot write {where}: {error.strerror}; free space there and in {tempfile.gettempdir()}, or choose "
            "another --out or name"
        ) from error


def atomic_write(target: Path, content: bytes | str) -> None:
    """Write a whole file or nothing; raises WorkError as `atomic_path` does."""
    with atomic_path(target) as temporary:  # A file's name may be no UTF-8.
        temporary.write_bytes(content.encode(errors="backslashreplace") if isinstance(content, str) else content)


def need_writable(target: Path, option: str) -> None:
    """Raise InputError, before long work, where a file that an option names could not be written."""
    if target.exists() and not target.is_file():
        raise InputError(f"{option} {target}: no regular file, which writing it would replace; give the name of a file")
    try:
        with tempfile.TemporaryFile(dir=next(folder for folder in target.parents if folder.exists())):
            pass
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}; choose another {option}") from error


def remove(target: Path) -> None:
    """Remove a file, if it is there; raises InputError where the system refuses."""
    try:
        target.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot remove {target}: {error.strerror}; remove it, or choose another --out or name"
        ) from error


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """An empty folder, gone with all that is in it when the block ends."""
    folder = Path(tempfile.gettempdir(), f"edgeseg-{token_hex(4)}")
    with _unfinished(folder):
        folder.mkdir(0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


@contextmanager
def filled_folder(folder: Path) -> Iterator[None]:
    """Remove a folder that is filled in the block, with all that is in it, where the block does not end well."""
    with _unfinished(folder):
        try:
            yield
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


@contextmanager
def _unfinished(path: Path) -> Iterator[None]:
    """Have the path, which is made within the block, removed where this process is killed in it."""
    with _starting:
        guard = _guard()
    line = json.dumps(str(path.absolute())).encode() + b"\n"
    _tell(guard, line)
    try:
        yield
    finally:
        _tell(guard, line)


def _tell(guard: subprocess.Popen[bytes], line: bytes) -> None:
    assert guard.stdin is not None
    with suppress(BrokenPipeError):  # It was killed itself.
        os.write(guard.stdin.fileno(), line)


@cache
def _guard() -> subprocess.Popen[bytes]:
    """A process that no signal to this one or to its group reaches, and that ends after it."""
    quiet = subprocess.DEVNULL
    command = [sys.executable, "-I", "-S", "-c", _GUARD]
    guard = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True)
    atexit.register(guard.communicate)
    return guard
