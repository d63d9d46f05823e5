"""A training run at rest: arrays and a few words about them in one .npz file, of either framework."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError
from edgeseg.core.files import atomic_path

__all__ = ["Checkpoint", "read", "write"]

_ABOUT = "edgeseg.train"


@dataclass(frozen=True)
class Checkpoint:
    """Everything that a run needs to go on as if it had not stopped.

    `run` names what must be the same to go on: model, dataset, options. `progress` is 1 for a finished run.
    """

    step: int
    progress: float
    elapsed_s: float
    recent: list[float]
    run: dict[str, Any]


def write(path: Path, checkpoint: Checkpoint, state: dict[str, NDArray[Any]]) -> None:
    """Store a run, atomically; WorkError where the disk refuses."""
    arrays: dict[str, Any] = {_ABOUT: np.array(json.dumps(asdict(checkpoint))), **state}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def read(path: Path, run: dict[str, Any]) -> tuple[Checkpoint, dict[str, NDArray[Any]]] | None:
    """The run stored at `path`, or None where there is none.

    Raises InputError for a file that is no checkpoint, or one of a run with another network, data or options.
    """
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            state = dict(stored)
        checkpoint = Checkpoint(**json.loads(str(state.pop(_ABOUT))))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: no whole training checkpoint; delete it or choose another path") from error
    wanted = json.loads(json.dumps(run))
    for name in wanted:
        if checkpoint.run.get(name) != wanted[name]:
            what = f"a run with {name} {checkpoint.run.get(name)}, not {wanted[name]}; repeat its options"
            if name == "code":
                what = "its model's code changed since; change that back"
            raise InputError(f"{path}: {what} to go on, delete it to start anew, or choose another path")
    return checkpoint, state
