"""Weights that Keras saved: .weights.h5, .keras and the older .h5.

Keras finds layers by class and position and leaves the rest of a file alone; here a file is taken whole, and where it
has the layers of a network in another order, none gets the weights of another.
"""

from __future__ import annotations

import io
import json
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from keras.src.legacy.saving.legacy_h5_format import load_attributes_from_hdf5_group
from keras.src.utils.naming import to_snake_case

from edgeseg.core.errors import InputError

__all__ = ["load"]

_SHOWN = 5
_OF_KERAS_2 = "_layer_checkpoint_dependencies"
"""Its group of layers."""


@dataclass(frozen=True)
class _Layer:
    name: str
    arrays: int


def load(network: keras.Model, path: Path) -> None:
    """Fill a network from a file; what Keras raises is left as it is.

    Raises InputError where the file has other layers than the network, or has them in another order.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if _is_older(path):
            network.load_weights(path, **({"by_name": True} if _is_reordered(network, path) else {}))
            return
        network.load_weights(path)
        with tempfile.TemporaryDirectory() as folder:
            network.save_weights(Path(folder) / "own.weights.h5")
            ours, theirs = _layers(Path(folder) / "own.weights.h5"), _layers(path)
    _check_whole(network, path, ours, theirs)
    _check_order(network, path, ours, theirs)


def _is_older(path: Path) -> bool:
    return path.suffix.lower() != ".keras" and not path.name.endswith(".weights.h5")


def _is_reordered(network: keras.Model, path: Path) -> bool:
    with h5py.File(path) as file:
        group = file if "layer_names" in file.attrs or "model_weights" not in file else file["model_weights"]
        names = load_attributes_from_hdf5_group(group, "layer_names")
        theirs = [name for name in names if load_attributes_from_hdf5_group(group[name], "weight_names")]
    ours = [layer.name for layer in network.layers if layer.weights]
    return theirs != ours and sorted(theirs) == sorted(ours)


def _layers(path: Path) -> dict[str, _Layer]:
    """By their groups: those that have arrays, without the states of optimizers and of random generators."""
    names: dict[str, str] = {}
    source: Any = path
    if path.suffix.lower() == ".keras":
        with zipfile.ZipFile(path) as archive:
            source = io.BytesIO(archive.read("model.weights.h5"))
            names = _names(json.loads(archive.read("config.json"))["config"])
    found: dict[str, _Layer] = {}

    def visit(name: str, part: Any) -> None:
        group, _, last = name.replace(_OF_KERAS_2, "layers").rpartition("vars")
        group = group.strip("/")
        if last or not isinstance(part, h5py.Group) or "optimizer" in group.split("/"):
            return
        arrays = sum(isinstance(each, h5py.Dataset) and not _is_random_state(each) for each in part.values())
        if arrays:
            found[group] = _Layer(str(part.attrs.get("name", names.get(group, ""))), arrays)

    with h5py.File(source) as file:
        file.visititems(visit)
    return found


def _names(config: Mapping[str, Any], parent: str = "") -> dict[str, str]:
    """By group, which older releases of Keras wrote no names to."""
    found: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for layer in config.get("layers", ()):
        kind = to_snake_case(layer["class_name"])
        group = f"{parent}layers/{kind}{f'_{counts[kind]}' if counts[kind] else ''}"
        counts[kind] += 1
        found[group] = layer["config"].get("name", "")
        found |= _names(layer["config"], f"{group}/")
    return found


def _is_random_state(array: h5py.Dataset) -> bool:
    return bool(array.dtype == np.uint32 and array.shape == (2,))


def _check_whole(network: keras.Model, path: Path, ours: Mapping[str, _Layer], theirs: Mapping[str, _Layer]) -> None:
    both = [group for group in ours if group in theirs]
    differences = {
        "unexpected": [layer.name or group for group, layer in theirs.items() if group not in ours],
        "missing": [layer.name or group for group, layer in ours.items() if group not in theirs],
        "of another number of arrays": [ours[g].name or g for g in both if ours[g].arrays != theirs[g].arrays],
    }
    listed = [f"{len(names)} {kind} ({_listed(names)})" for kind, names in differences.items() if names]
    if listed:
        raise InputError(
            f"{path}: its layers are not those of {network.name}: {'; '.join(listed)}; build the network whose weights "
            "were saved"
        )


def _listed(names: Collection[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join([*names][:_SHOWN]) + more


def _check_order(network: keras.Model, path: Path, ours: Mapping[str, _Layer], theirs: Mapping[str, _Layer]) -> None:
    """Of the layers of a functional or sequential network; those that are attributes are found by attribute."""
    parents = sorted({group.rpartition("/")[0] for group in ours})
    for parent in (each for each in parents if each.split("/")[-1] == "layers"):
        groups = [group for group in ours if group.rpartition("/")[0] == parent and group in theirs]
        pairs = [(ours[group].name, theirs[group].name) for group in groups]
        mine, given = zip(*pairs, strict=True) if pairs else ((), ())
        if mine != given and sorted(mine) == sorted(given):
            name, other = next(pair for pair in pairs if pair[0] != pair[1])
            raise InputError(
                f"{path}: its layers are in another order than those of {network.name}: {other} is where {name} is "
                "wanted; build the layers in the order in which they were saved"
            )
