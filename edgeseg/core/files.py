"""Files that are either whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgeseg.core.errors import WorkError

__all__ = ["atomic_path", "atomic_write", "remove_unfinished"]


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A temporary path beside `target`, moved onto it when the block ends well and removed when it does not.

    Raises WorkError where the system refuses (disk full, no permission).
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(target.suffix, _prefix(target.stem, os.getpid()), target.parent)
    except OSError as error:
        raise WorkError(f"cannot write {target}: {error.strerror}; free space or choose another --out") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        if error.errno is None:
            raise
        raise WorkError(f"cannot write {target}: {error.strerror}; free space or choose another --out") from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def remove_unfinished(folder: Path, process: int) -> None:
    """Remove what a process that died was writing into a folder."""
    for path in folder.glob(_prefix("*", process) + "*"):
        path.unlink(missing_ok=True)


def _prefix(stem: str, process: int) -> str:
    return f".{stem}.{process}-"


def atomic_write(target: Path, content: bytes | str) -> None:
    """Write a whole file or nothing; raises WorkError as `atomic_path` does."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
