"""Weights from files into networks and back.

Read: .pth and .pt of PyTorch, and .safetensors. Written: .safetensors, by state_dict entry or by Keras variable path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from edgeseg.core.errors import InputError
from edgeseg.core.files import atomic_path
from edgeseg.models.adapters import adapter, framework_of

__all__ = ["load_into", "read", "save", "sha256"]

_SHOWN = 10
_OPTIONAL = "num_batches_tracked"
"""Counts the steps of a training; older checkpoints lack it and nothing at inference reads it."""


def load_into(
    network: Any, path: Path, *, renamed: Mapping[str, str] | None = None, training_only: Iterable[str] = ()
) -> None:
    """Fill a network from a file, wholly or not at all.

    Args:
        network: An `nn.Module` or a `keras.Model`.
        path: .safetensors, .pth or .pt.
        renamed: Prefixes of entry names as older files have them, to those of today.
        training_only: Prefixes of entries that the file may have and the network lack: auxiliary heads.

    Raises:
        InputError: The file cannot be read, or an entry is missing, unexpected or of another shape.
    """
    ours = _adapter(network)
    wanted = ours.arrays(network)
    given = {_renamed(name, renamed or {}): value for name, value in read(path).items()}
    ignored = {name for name in given.keys() - wanted.keys() if name.startswith(tuple(training_only))}
    given = {name: value for name, value in given.items() if name not in ignored}
    _check(path, given, wanted)
    ours.assign(network, {k: v.astype(wanted[k].dtype) for k, v in given.items() if k in wanted})


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Every array of a weights file by name; InputError where it cannot be read."""
    if not path.is_file():
        raise InputError(f"{path}: no such weights file")
    match path.suffix.lower():
        case ".safetensors":
            return _read_safetensors(path)
        case ".pth" | ".pt":
            entries: dict[str, NDArray[Any]] = adapter("torch").read_checkpoint(path)
            return entries
    raise InputError(f"{path}: unknown kind of weights; expected .safetensors, .pth or .pt")


def _read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    try:
        entries: dict[str, NDArray[Any]] = load_file(path)
        return entries
    except KeyError as error:
        raise InputError(f"{path}: holds numbers of type {error}; save it as float32 or float16") from error
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{path}: not a safetensors file, or a truncated one; copy it anew") from error


def save(network: Any, path: Path, *, half: bool = True) -> None:
    """Write a network's weights as .safetensors, atomically.

    With `half`, arrays of two and more dimensions are stored as float16 where they fit its range; vectors (biases,
    normalisation) always keep float32. Raises WorkError where the file cannot be written.
    """
    stored = {name: _compact(value) if half else value for name, value in _adapter(network).arrays(network).items()}
    with atomic_path(path) as temporary:
        save_file({name: np.asarray(value, order="C") for name, value in stored.items()}, temporary)


def sha256(path: Path) -> str:
    """Of the whole file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _adapter(network: Any) -> Any:
    framework = framework_of(network)
    if framework is None:
        raise InputError(f"{type(network).__name__} is neither a torch.nn.Module nor a keras.Model")
    return adapter(framework)


def _compact(value: NDArray[Any]) -> NDArray[Any]:
    if value.ndim < 2 or value.dtype != np.float32 or np.abs(value).max(initial=0) > np.finfo(np.float16).max:
        return value
    return value.astype(np.float16)


def _renamed(name: str, prefixes: Mapping[str, str]) -> str:
    for old, new in prefixes.items():
        if name.startswith(f"{old}."):
            return new + name.removeprefix(old)
    return name


def _check(path: Path, given: Mapping[str, NDArray[Any]], wanted: Mapping[str, NDArray[Any]]) -> None:
    missing = [name for name in wanted if name not in given and not name.endswith(_OPTIONAL)]
    unexpected = [name for name in given if name not in wanted and not name.endswith(_OPTIONAL)]
    differing = [name for name in wanted if name in given and given[name].shape != wanted[name].shape]
    shapes = [f"{name} {_shape(given[name])} instead of {_shape(wanted[name])}" for name in differing]
    lists = (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
    problems = [_listed(kind, found) for kind, found in lists if found]
    if problems:
        hint = _class_hint(differing, given, wanted) if differing and not missing and not unexpected else ""
        raise InputError(f"{path} does not fit the network: {'; '.join(problems)}{hint}")


def _listed(kind: str, found: list[str]) -> str:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"{len(found)} {kind} ({', '.join(found[:_SHOWN])}{more})"


def _shape(value: NDArray[Any]) -> str:
    return "x".join(map(str, value.shape)) or "scalar"


def _class_hint(names: list[str], given: Mapping[str, NDArray[Any]], wanted: Mapping[str, NDArray[Any]]) -> str:
    """An explanation where every difference is one and the same number of channels."""
    pairs = {
        pair
        for name in names
        for pair in zip(given[name].shape, wanted[name].shape, strict=False)
        if pair[0] != pair[1] or given[name].ndim != wanted[name].ndim
    }
    if len(pairs) != 1:
        return ""
    (theirs, ours), *_ = pairs
    return f": it looks like a network of {theirs} classes, and this one has {ours}; build it with {theirs} classes"
