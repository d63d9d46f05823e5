"""Weights out of what a PyTorch training script saved around them."""

from __future__ import annotations

import argparse
import pickle
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgeseg.core.errors import InputError
from edgeseg.models.entry_names import AVERAGED, prefix

__all__ = ["read_checkpoint"]

_WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "network", "net", "module")
_OF_TRAINING = re.compile("optim|sched|scaler")
_HARMLESS = (
    argparse.Namespace,
    np.dtype,
    *(getattr(np.dtypes, name) for name in np.dtypes.__all__),
    *((np.float64().__reduce__()[0], f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
)
"""Options and scores that training scripts keep beside the weights; rebuilding them runs nothing."""


def read_checkpoint(path: Path) -> dict[str, NDArray[Any]]:
    """The weights in a .pth file, out of whatever a training script wrapped around them; EMA weights are preferred.

    Raises InputError for a damaged file, for one that would run code and for one of several weights that differ.
    """
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(list(_HARMLESS)):
            warnings.simplefilter("ignore")  # About a pickle's protocol, where it is going to be refused.
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "global" in str(error).lower():
            raise InputError(
                f"{path}: refused, since it holds Python objects that loading would run; save its state_dict() alone"
            ) from error
        raise InputError(f"{path}: not a PyTorch checkpoint, or a damaged one; copy it anew") from error
    except PermissionError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, OSError) as error:
        if "torchscript" in str(error).lower():
            raise InputError(f"{path}: a TorchScript program; save the network's state_dict() instead") from error
        raise InputError(f"{path}: not a PyTorch checkpoint, or a truncated one; copy it anew") from error
    entries = _entries(path, stored)
    if not entries:
        raise InputError(f"{path}: holds no weights; save the network's state_dict()")
    return _arrays(path, entries)


def _entries(path: Path, stored: Any, inside: str = "") -> dict[str, Tensor]:
    if not isinstance(stored, Mapping):
        return {}
    plain = _plain(path, stored, inside)
    return _laid_over(plain, _one(path, dict(_averaged(path, stored, inside))))


def _plain(path: Path, stored: Mapping[Any, Any], inside: str) -> dict[str, Tensor]:
    """Of a known wrapper, else of the mapping itself, else of the one mapping in it that holds weights."""
    own = {str(key): value for key, value in stored.items() if isinstance(value, Tensor) and key != "n_averaged"}
    nested = {key: value for key, value in _mappings(stored) if not AVERAGED.search(key)}
    known = [key for key in _WRAPPERS if key in nested]
    others = [] if _are_weights(own) else [key for key in nested if key not in _WRAPPERS]
    for keys in (known, others):
        if found := _one(path, {inside + key: _entries(path, nested[key], f"{inside}{key}.") for key in keys}):
            return found
    return own


def _averaged(path: Path, stored: Mapping[Any, Any], inside: str) -> Iterator[tuple[str, dict[str, Tensor]]]:
    for key, value in stored.items():
        if not isinstance(key, str) or _OF_TRAINING.search(key.lower()):
            continue
        if not AVERAGED.search(key):
            if isinstance(value, Mapping):
                yield from _averaged(path, value, f"{inside}{key}.")
        elif _are_weights(entries := _entries(path, value, f"{inside}{key}.")):
            yield inside + key, entries
        elif not isinstance(value, Tensor) and any(each.ndim > 1 for each in _tensors(value)):
            raise InputError(
                f"{path}: {inside}{key} holds averaged weights without the names of the entries; save the state_dict() "
                "of the network that you want alone"
            )


def _mappings(stored: Mapping[Any, Any]) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    for key, value in stored.items():
        if isinstance(key, str) and isinstance(value, Mapping) and not _OF_TRAINING.search(key.lower()):
            yield key, value


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (Mapping, list, tuple)):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _tensors(each)


def _are_weights(entries: Mapping[str, Tensor]) -> bool:
    """Rather than scores."""
    return any(value.ndim > 1 for value in entries.values())


def _one(path: Path, candidates: Mapping[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    """The weights that all candidates agree on; none where there are no candidates."""
    candidates = {key: entries for key, entries in candidates.items() if _are_weights(entries)}
    first, *others = candidates.values() or [{}]
    if not all(_same(path, first, other) for other in others):
        keys = ", ".join(candidates)
        raise InputError(f"{path}: holds different weights under {keys}; save the state_dict() of one of them alone")
    return first


def _same(path: Path, one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    ours, theirs = (_arrays(path, _bare(each)) for each in (one, other))
    return ours.keys() == theirs.keys() and all(np.array_equal(ours[name], theirs[name]) for name in ours)


def _laid_over(plain: dict[str, Tensor], averaged: dict[str, Tensor]) -> dict[str, Tensor]:
    """An average may leave out the statistics of batch normalisation, which no optimizer moves."""
    for below, above in ((plain, averaged), (_bare(plain), _bare(averaged))):
        if above.keys() <= below.keys():
            return {**below, **above}
    return averaged


def _bare(entries: dict[str, Tensor]) -> dict[str, Tensor]:
    wrapping = prefix(entries)
    return {name.removeprefix(wrapping): value for name, value in entries.items()}


def _arrays(path: Path, entries: Mapping[str, Tensor]) -> dict[str, NDArray[Any]]:
    return {name: _array(path, name, value.detach()) for name, value in entries.items()}


def _array(path: Path, name: str, value: Tensor) -> NDArray[Any]:
    kinds = {
        "quantized": value.is_quantized,
        "sparse": value.layout != torch.strided,
        "on the meta device, without numbers": value.is_meta,
        "complex": value.is_complex(),
    }
    if (kind := next((kind for kind, holds in kinds.items() if holds), None)) is not None:
        raise InputError(f"{path}: {name} is {kind}; save it as a dense tensor of float32")
    result: NDArray[Any] = (value.float() if value.is_floating_point() else value).numpy()
    return result
