"""Where a checkpoint of TensorFlow 1 lies: files of one prefix, beside each other, in a folder or in an archive."""

from __future__ import annotations

import re
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeseg.core.errors import InputError, first_line
from edgeseg.core.files import temporary_folder
from edgeseg.models.torch_files import is_torch_file

__all__ = ["files", "is_checkpoint", "prefix"]

_ARCHIVES = (".tar.gz", ".tgz", ".tar")
_PREFIX = re.compile(r".+\.ckpt(-\d+)?")
_FILE = re.compile(r"(.+)\.(index|meta|data-\d+-of-\d+)")


def is_checkpoint(path: Path) -> bool:
    """Whether a path is, or is meant to be, a checkpoint: a prefix, one of its files, a folder or an archive."""
    if _is_archive(path) or path.is_dir():
        return path.exists()
    named = _FILE.fullmatch(path.name) or (_PREFIX.fullmatch(path.name) and not path.is_file())
    return bool(named) or path.with_name(f"{path.name}.index").is_file()


def files(path: Path) -> list[Path]:
    """What a checkpoint consists of: an archive, or index and data. Raises InputError where that is not there."""
    if _is_archive(path):
        return [path]
    found = _in_folder(path) if path.is_dir() else _beside(path)
    index = found.with_name(f"{found.name}.index")
    data = sorted(file for file in found.parent.glob("*.data-*") if _prefix(file.name) == found.name)
    if not index.is_file() or not data:
        raise InputError(f"{path}: no such checkpoint; {found}.index and {found}.data-00000-of-00001 are needed")
    return [index, *data]


@contextmanager
def prefix(path: Path) -> Iterator[Path]:
    """The prefix that TensorFlow knows a checkpoint by; one in an archive is unpacked for as long as the block lasts.

    Raises InputError where there is no checkpoint, more than one, or a damaged archive.
    """
    if not _is_archive(path):
        yield _beside(files(path)[0])
        return
    with temporary_folder() as folder:
        yield _unpacked(path, folder)


def _is_archive(path: Path) -> bool:
    return path.name.lower().endswith(_ARCHIVES) and not is_torch_file(path)


def _beside(path: Path) -> Path:
    return path.with_name(_prefix(path.name))


def _prefix(name: str) -> str:
    found = _FILE.fullmatch(name)
    return found[1] if found else name


def _in_folder(folder: Path) -> Path:
    return folder / _only(folder, (file.name for file in folder.glob("*.index")), "give one of them")


def _only(where: Path, indices: Iterable[str], remedy: str) -> str:
    """The prefix of the one index there is."""
    match sorted(index.removesuffix(".index") for index in indices):
        case [found]:
            return found
        case []:
            needed = "MODEL.ckpt.index and MODEL.ckpt.data-00000-of-00001 are needed, and a frozen graph is not enough"
            raise InputError(f"{where}: holds no checkpoint; {needed}")
        case several:
            raise InputError(f"{where}: holds {len(several)} checkpoints ({', '.join(several)}); {remedy}")


def _unpacked(path: Path, folder: Path) -> Path:
    try:
        with tarfile.open(path) as archive:
            # macOS packs a hidden file beside each.
            members = [m for m in archive.getmembers() if m.isfile() and not Path(m.name).name.startswith(".")]
            found = _only(
                path, (m.name for m in members if m.name.endswith(".index")), "unpack it and give one of them"
            )
            parts = [m for m in members if _prefix(m.name) == found]
            if len(parts) < 2:
                raise InputError(f"{path}: holds {found}.index without {found}.data-00000-of-00001; pack both")
            for part in parts:  # By its name alone, wherever the archive wants it to lie.
                if content := archive.extractfile(part):
                    with content, (folder / Path(part.name).name).open("wb") as file:
                        shutil.copyfileobj(content, file)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise InputError(f"{path}: not an archive, or a truncated one; copy it anew: {first_line(error)}") from error
    return folder / Path(found).name
