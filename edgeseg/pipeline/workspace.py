"""The folder through which the commands chain."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from edgeseg.core.container import read_facts
from edgeseg.core.errors import InputError
from edgeseg.core.types import Artifact, Format, Precision, Size

__all__ = ["DEFAULT", "artifact_path", "artifacts", "check_target", "file_name", "need", "quantized_path"]

DEFAULT = Path("edgeseg-out")


def file_name(model: str) -> str:
    """What a MODEL is called in the names of its files."""
    return model.replace(":", ".").replace("/", ".")


def artifact_path(
    folder: Path,
    model: str,
    size: Size,
    target: Format,
    precision: Precision,
    *,
    batch: int = 1,
    head: str | None = None,
) -> Path:
    """`MODEL_SIZE[_bBATCH][_HEAD]_PRECISION.FORMAT`; `head` is None for the network's own default."""
    name = "_".join(
        [
            file_name(model),
            str(size),
            *([f"b{batch}"] if batch > 1 else []),
            *([head] if head else []),
            precision,
        ]
    )
    return folder / f"{name}.{target}"


def quantized_path(path: Path, precision: Precision, folder: Path | None = None) -> Path:
    """Where the quantized form of a float file goes: beside it, or into a folder."""
    name = path.with_stem(f"{path.stem.removesuffix('_fp32')}_{precision}").name
    return (folder or path.parent) / name


def check_target(path: Path, format: Format, sources: Iterable[Path] = ()) -> None:
    """Raise InputError, before long work, for a file to write that is none of its format, or one of its sources."""
    if path.suffix.lower() != f".{format}" or path.is_dir():
        raise InputError(f"{path}: not the name of a .{format} file; give one, or leave the path out")
    for source in sources:
        if path.resolve() == source.resolve():
            raise InputError(f"{path}: a source, which the file made would replace; choose another name or --out")


def artifacts(folder: Path, precision: Precision | None = None) -> list[Artifact]:
    """The artifacts of a workspace, by name; unfinished ones and those that edgeseg did not write are left out."""
    if not folder.is_dir():
        return []
    found = []
    for path in sorted([*folder.glob("[!.]*.onnx"), *folder.glob("[!.]*.tflite")]):
        facts = read_facts(path)
        if facts and precision in (None, facts.precision):
            found.append(Artifact(path, facts))
    return found


def need(found: list[Artifact], folder: Path, first: str) -> list[Artifact]:
    """The same list, or an InputError that names the command to run first."""
    if not found:
        raise InputError(f"{folder}: nothing there to work on; run `{first}` first or name a model")
    return found
