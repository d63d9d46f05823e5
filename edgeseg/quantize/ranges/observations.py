"""What calibration saw of float files, kept in one file: histograms rather than ranges, so any method can be taken.

The file is NumPy's .npz without pickles. `header` is JSON: the schema, and of each float file its name, the sha256 of
what was run, how images are given to it, whether for ranges, which images were seen, its tensors, and on how many
images which tensors of how many channels were seen by channel. `counts_I` (tensors, 2 * BINS), `numbers_I` (tensors,
11: low, high, average low, average high, width, images, telling, `Observer.sums` row by row) and `sums_I` (3, all
channels) belong to the header's I-th float file.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.errors import InputError
from edgeseg.core.files import atomic_write
from edgeseg.core.protocols import Keep
from edgeseg.core.types import Artifact, SeenImages
from edgeseg.quantize.ranges.channels import Channels
from edgeseg.quantize.ranges.observers import BINS, Observer

__all__ = ["Observations", "check_whole", "find", "keep"]

_SCHEMA = 5
"""Of the file, and of what is observed."""

_NUMBERS = 11


@dataclass(frozen=True)
class Observations:
    """What images showed of one float file's tensors."""

    source: SeenImages
    tensors: Mapping[str, Observer]
    channels: Mapping[str, Channels] = field(default_factory=dict)


@dataclass(frozen=True)
class _Owner:
    """The float file that observations belong to, as it was run."""

    name: str
    sha256: str
    input: str
    ranges: bool
    """Whether its tensors were observed, and not its channels alone, as before equalization."""

    def __str__(self) -> str:
        return f"{self.name} ({self.sha256[:12]}{'' if self.ranges else ' before equalization'})"


def check_whole(path: Path) -> None:
    """Raise InputError for what is no file of observations."""
    _read(path)


def find(kept: Keep, artifact: Artifact, *, ranges: bool) -> Observations | None:
    """What the file holds of a float file, for ranges or of its channels alone; None where that is still to be added.

    Raises InputError where the float file is not in it and may not be added, or where it is no such file.
    """
    found = _read(kept.path) if not kept.add or kept.path.exists() else {}
    owner = _owner(artifact, ranges)
    if owner not in found and not kept.add:
        held = ", ".join(map(str, found))
        why = ""
        if owner.name in (each.name for each in found):
            why = (
                " (another file of that name, a command that was stopped and goes on with --resume, or --without, "
                "--input or --target are not those it was kept with)"
            )
        raise InputError(
            f"{kept.path}: holds the calibration of {held}, not of {owner} as it is run now{why}; name a calibration "
            "file that does not exist yet to make one"
        )
    return found.get(owner)


def keep(path: Path, artifact: Artifact, seen: Observations, *, ranges: bool) -> None:
    """Add to a file, or begin one, what was seen of a float file. Raises WorkError where the system refuses."""
    found = {**(_read(path) if path.exists() else {}), _owner(artifact, ranges): seen}
    arrays: dict[str, NDArray[Any]] = {}
    header = []
    for i, (owner, each) in enumerate(found.items()):
        channels = {name: (seen.images, seen.sums.shape[1]) for name, seen in each.channels.items()}
        held = {"source": str(each.source), "tensors": list(each.tensors), "channels": channels}
        header.append({**asdict(owner), **held})
        counts = [tensor.counts for tensor in each.tensors.values()]
        arrays[f"counts_{i}"] = np.array(counts, np.int64).reshape(-1, 2 * BINS)
        arrays[f"numbers_{i}"] = np.array([_numbers(tensor) for tensor in each.tensors.values()]).reshape(-1, _NUMBERS)
        arrays[f"sums_{i}"] = np.concatenate([np.empty((3, 0)), *(seen.sums for seen in each.channels.values())], 1)
    arrays["header"] = np.array(json.dumps({"schema": _SCHEMA, "files": header}))
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    atomic_write(path, content.getvalue())


def _read(path: Path) -> dict[_Owner, Observations]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            header = json.loads(str(arrays["header"]))
            if header["schema"] != _SCHEMA:
                raise InputError(f"{path}: calibration of schema {header['schema']}: this edgeseg reads {_SCHEMA}")
            return dict(
                _entry(values, arrays[f"counts_{i}"], arrays[f"numbers_{i}"], arrays[f"sums_{i}"])
                for i, values in enumerate(header["files"])
            )
    except OSError as error:
        if error.errno is not None:
            raise InputError(f"{path}: {error.strerror}; give a file that edgeseg kept a calibration in") from error
        raise _damaged(path) from error
    except (ValueError, TypeError, KeyError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> InputError:
    return InputError(f"{path}: not a whole calibration file; delete it, or name another, to calibrate anew")


def _entry(
    values: dict[str, Any], counts: NDArray[Any], numbers: NDArray[Any], sums: NDArray[Any]
) -> tuple[_Owner, Observations]:
    owner = _Owner(values["name"], values["sha256"], values["input"], values["ranges"])
    names = values["tensors"]
    if (counts.shape, numbers.shape) != ((len(names), 2 * BINS), (len(names), _NUMBERS)) or counts.dtype != np.int64:
        raise ValueError("arrays that do not fit the header")
    tensors = map(_observer, counts, numbers.tolist())
    return owner, Observations(
        SeenImages.parse(values["source"]), dict(zip(names, tensors, strict=True)), _channels(values["channels"], sums)
    )


def _channels(listed: dict[str, tuple[int, int]], sums: NDArray[np.float64]) -> dict[str, Channels]:
    if sums.shape != (3, sum(count for _, count in listed.values())):
        raise ValueError("channels that do not fit the header")
    found: dict[str, Channels] = {}
    for name, (images, count) in listed.items():
        found[name] = Channels()
        found[name].images, found[name].sums, sums = images, sums[:, :count], sums[:, count:]
    return found


def _numbers(seen: Observer) -> tuple[float, ...]:
    return (*seen.extremes, *seen.average, seen.width, seen.images, seen.telling, *seen.sums.flat)


def _observer(counts: NDArray[np.int64], numbers: list[float]) -> Observer:
    seen = Observer()
    seen.counts = counts
    low, high, average_low, average_high, seen.width, images, telling, *sums = numbers
    seen.extremes, seen.average = (low, high), (average_low, average_high)
    seen.images, seen.telling, seen.sums = int(images), int(telling), np.array(sums).reshape(2, 2)
    return seen


def _owner(artifact: Artifact, ranges: bool) -> _Owner:
    return _Owner(artifact.path.name, artifact.sha256, json.dumps(asdict(artifact.facts.input)), ranges)
