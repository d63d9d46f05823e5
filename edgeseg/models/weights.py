"""Weights from files into networks and back.

Read: checkpoints of PyTorch, .safetensors, what Keras saves, and checkpoints of TensorFlow 1. Written: .safetensors, by
state_dict entry or by Keras variable path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save_file

from edgeseg.core.errors import InputError
from edgeseg.core.files import atomic_path
from edgeseg.models import tf1_files
from edgeseg.models.adapters import adapter, framework_of
from edgeseg.models.entry_names import AVERAGED, prefix
from edgeseg.models.torch_files import is_torch_file

__all__ = ["load_backbone", "load_into", "read", "save", "sha256"]

_SHOWN = 10
_DTYPES = {
    "BOOL": "?",
    **{f"F{bits}": f"<f{bits // 8}" for bits in (16, 32, 64)},
    **{f"{kind}{bits}": f"<{kind.lower()}{bits // 8}" for kind in "IU" for bits in (8, 16, 32, 64)},
}
"""Of safetensors, in NumPy."""

_OF_KERAS = (".h5", ".hdf5", ".keras")

_STATISTICS = ("running_mean", "running_var")
"""Of batch normalisation, which an average of parameters lacks."""

_OPTIONAL = "num_batches_tracked"
"""Counts the steps of a training; older checkpoints lack it and nothing at inference reads it."""


def load_into(
    network: Any,
    path: Path,
    *,
    classes: int | None = None,
    renamed: Mapping[str, str] | None = None,
    ignored: Iterable[str] = (),
    absent: Iterable[str] = (),
) -> None:
    """Fill a network from a file, wholly or not at all.

    Args:
        network: An `nn.Module` or a `keras.Model`.
        path: .safetensors, or a checkpoint of PyTorch; for a Keras network also .weights.h5, .keras, or a checkpoint
            of TensorFlow 1, by its prefix, one of its files, its folder or the .tar.gz that holds it.
        classes: Class count of the network, by which another one in the file is recognised.
        renamed: Prefixes of entry names as the file may have them, to the network's.
        ignored: Prefixes of entries that the file may have and the network lack, such as auxiliary heads.
        absent: Prefixes of entries that the network may have and the file lack, which keep their values.

    Raises:
        InputError: The file cannot be read, or an entry is missing, unexpected or of another shape.
    """
    ours = _adapter(network)
    if path.suffix.lower() in _OF_KERAS:
        _load_own(network, path)
        return
    arrays = ours.arrays(network)
    names = _names(network, path) or {name: name for name in arrays}
    wanted = {names[name]: value for name, value in arrays.items()}
    given = {_renamed(name, renamed or {}): value for name, value in _unwrapped(path, read(path), wanted).items()}
    needless, dispensable = (*ignored,), (*absent,)
    given = {name: value for name, value in given.items() if name in wanted or not name.startswith(needless)}
    needed = {name: value for name, value in wanted.items() if name in given or not name.startswith(dispensable)}
    _check(path, given, needed, classes)
    found = {name: given[names[name]] for name in arrays if names[name] in given}
    ours.assign(network, {name: value.astype(arrays[name].dtype) for name, value in found.items()})


def load_backbone(network: Any, path: Path) -> None:
    """Fill the backbone of a network from torchvision's file of ImageNet weights; the rest keeps its values.

    Raises InputError where the network has no backbone of torchvision's, and as `load_into` does.
    """
    backbone = _adapter(network).backbone(network)
    if backbone is None:
        raise InputError(
            f"{type(network).__name__} has no backbone of torchvision's (ResNet or MobileNetV2), so {path} cannot "
            "start it; leave the backbone's file out"
        )
    names = backbone.torchvision
    load_into(backbone, path, renamed=names.renamed, ignored=names.ignored, absent=names.absent)


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Every array of a weights file by name; InputError where it cannot be read."""
    if tf1_files.is_checkpoint(path):
        variables: dict[str, NDArray[Any]] = adapter("keras").read_checkpoint(path)
        return variables
    if not path.is_file():
        raise InputError(f"{path}: no such weights file")
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(path)
    if is_torch_file(path):
        entries: dict[str, NDArray[Any]] = adapter("torch").read_checkpoint(path)
        return entries
    raise InputError(
        f"{path}: unknown kind of weights; expected .safetensors, a checkpoint of PyTorch or, for a Keras network, "
        ".weights.h5, .keras or a TensorFlow checkpoint"
    )


def _load_own(network: Any, path: Path) -> None:
    if not path.is_file():
        raise InputError(f"{path}: no such weights file")
    if framework_of(network) != "keras":
        raise InputError(
            f"{path}: only a Keras network takes weights that Keras saved, and {type(network).__name__} is a PyTorch "
            "network; give .safetensors or .pth"
        )
    adapter("keras").load_own(network, path)


def _read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    try:
        entries = deserialize(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{path}: not a safetensors file, or a truncated one; copy it anew") from error
    return {name: _decoded(path, name, **entry) for name, entry in sorted(entries, key=itemgetter(0))}


def _decoded(path: Path, name: str, dtype: str, shape: Sequence[int], data: bytes) -> NDArray[Any]:
    if dtype == "BF16":
        wide = np.frombuffer(data, "<u2").astype(np.uint32) << 16
        return wide.view(np.float32).reshape(shape)
    if dtype not in _DTYPES:
        raise InputError(f"{path}: {name} is of {dtype}; save it as float32 or float16")
    return np.frombuffer(data, _DTYPES[dtype]).reshape(shape)


def save(network: Any, path: Path) -> None:
    """Write a network's weights as .safetensors, atomically.

    Arrays of two and more dimensions are stored as float16 where they fit its range; vectors (biases, normalisation)
    keep float32. Raises WorkError where the file cannot be written.
    """
    stored = {name: _compact(value) for name, value in _adapter(network).arrays(network).items()}
    with atomic_path(path) as temporary:
        save_file({name: np.asarray(value, order="C") for name, value in stored.items()}, temporary)


def sha256(path: Path) -> str:
    """Of the whole file, in hexadecimal; of a checkpoint's files one after the other."""
    digest = hashlib.sha256()
    for part in tf1_files.files(path) if tf1_files.is_checkpoint(path) else [path]:
        with part.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def _adapter(network: Any) -> Any:
    framework = framework_of(network)
    if framework is None:
        raise InputError(f"{type(network).__name__} is neither a torch.nn.Module nor a keras.Model")
    return adapter(framework)


def _names(network: Any, path: Path) -> dict[str, str]:
    """The file's name of each of the network's entries, where it has names of its own."""
    if not tf1_files.is_checkpoint(path):
        return {}
    if framework_of(network) == "torch":
        raise InputError(
            f"{path}: only a Keras network takes a TensorFlow checkpoint, and {type(network).__name__} is a PyTorch "
            "network; give .safetensors, .pth or .pt"
        )
    names: dict[str, str] = _adapter(network).slim_names(network)
    return names


def _compact(value: NDArray[Any]) -> NDArray[Any]:
    if value.ndim < 2 or value.dtype != np.float32 or np.abs(value).max(initial=0) > np.finfo(np.float16).max:
        return value
    return value.astype(np.float16)


def _unwrapped(path: Path, given: Mapping[str, NDArray[Any]], wanted: Collection[str]) -> dict[str, NDArray[Any]]:
    """Under the prefixes that the network's names share, in place of those that the file's do.

    Where a file holds more than a network, such as a loss's buffers, that is what lies under the one prefix with all of
    the network's names, and over it what lies under the one of an average.
    """
    theirs, ours = prefix(given), prefix(wanted)
    found = {ours + name.removeprefix(theirs): value for name, value in given.items()}
    needed = {name for name in wanted if not name.endswith(_OPTIONAL)}
    if not needed or needed <= found.keys():
        return found
    averaged = _prefixes(given, {name for name in needed if not name.endswith(_STATISTICS)}, averaged=True)
    whole = [each for each in _prefixes(given, needed, averaged=False) if each not in averaged]
    if len(averaged) > 1 or len(whole) > 1 or not averaged + whole:
        return found
    if not averaged and (joined := _prefixes(given, {name.replace(".", "") for name in needed}, averaged=True)):
        raise InputError(
            f"{path}: the averaged weights under {joined[0]} have names without dots, which are of no network; save "
            "the state_dict() of the network that you want alone"
        )
    return {name.removeprefix(p): v for p in (*whole, *averaged) for name, v in given.items() if name.startswith(p)}


def _prefixes(given: Collection[str], names: Collection[str], *, averaged: bool) -> list[str]:
    """Those under which the file has all of the names."""
    some = min(names, default="")
    found = sorted({name.removesuffix(some) for name in given if name.endswith(f".{some}")})
    found = [each for each in found if bool(AVERAGED.search(each)) >= averaged]
    return [each for each in found if all(each + name in given for name in names)]


def _renamed(name: str, prefixes: Mapping[str, str]) -> str:
    for old, new in prefixes.items():
        if name.startswith(f"{old}."):
            return new + name.removeprefix(old)
    return name


def _check(
    path: Path, given: Mapping[str, NDArray[Any]], wanted: Mapping[str, NDArray[Any]], classes: int | None
) -> None:
    missing = [name for name in wanted if name not in given and not name.endswith(_OPTIONAL)]
    unexpected = [name for name in given if name not in wanted and not name.endswith(_OPTIONAL)]
    differing = [name for name in wanted if name in given and given[name].shape != wanted[name].shape]
    shapes = [f"{name} {_shape(given[name])} instead of {_shape(wanted[name])}" for name in differing]
    lists = (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
    problems = [_listed(kind, found) for kind, found in lists if found]
    if problems:
        sides = [(given[name].shape, wanted[name].shape) for name in differing]
        hint = _class_hint(sides, classes) if differing and not missing and not unexpected else ""
        raise InputError(f"{path} does not fit the network: {'; '.join(problems)}{hint}")


def _listed(kind: str, found: list[str]) -> str:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"{len(found)} {kind} ({', '.join(found[:_SHOWN])}{more})"


def _shape(value: NDArray[Any]) -> str:
    return "x".join(map(str, value.shape)) or "scalar"


def _class_hint(shapes: list[tuple[tuple[int, ...], tuple[int, ...]]], classes: int | None) -> str:
    """An explanation where another number of classes accounts for every difference of (the file's, our) shapes."""
    if any(len(theirs) != len(ours) for theirs, ours in shapes):
        return ""
    pairs = {pair for both in shapes for pair in zip(*both, strict=True) if pair[0] != pair[1]}
    if classes is None:
        classes = min(ours for _, ours in pairs)
    exact = {theirs for theirs, ours in pairs if ours == classes}
    scaled = {theirs * classes // ours for theirs, ours in pairs if theirs * classes % ours == 0}
    if len(found := exact or scaled) != 1 or classes in found:
        return ""
    (count,) = found
    if any((theirs > ours) != (count > classes) for theirs, ours in pairs):
        return ""
    return f": it looks like a network of {count} classes, and this one has {classes}; build it with {count} classes"
