"""Facts inside the files they are about, read and written without the formats' own packages.

ONNX: an entry of `ModelProto.metadata_props` (field 14). TFLite: a named buffer of `Model.metadata`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgeseg.core import onnx_wire, tflite_wire
from edgeseg.core.errors import InputError
from edgeseg.core.facts import facts_from_json
from edgeseg.core.files import atomic_write
from edgeseg.core.types import Facts, Format

__all__ = ["KEY", "OUTPUT_SCALE", "OUTPUT_ZERO_POINT", "file_format", "read_facts", "write_facts"]

KEY = "edgeseg.facts"

OUTPUT_SCALE, OUTPUT_ZERO_POINT = "edgeseg.output_scale", "edgeseg.output_zero_point"
"""ONNX metadata of an integer output, which the format has no other place for."""

_WIRES = {"onnx": onnx_wire, "tflite": tflite_wire}


def file_format(path: Path) -> Format:
    """The format that a file's suffix names."""
    match path.suffix.lower():
        case ".onnx":
            return "onnx"
        case ".tflite":
            return "tflite"
    raise InputError(f"{path}: not a model file; expected .onnx or .tflite")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give the path of an .onnx or .tflite file") from error


def read_facts(path: Path) -> Facts | None:
    """What an artifact says about itself; None for a sound file that says nothing.

    Raises InputError for a file that is missing, truncated or of another kind.
    """
    wire = _WIRES[file_format(path)]
    content = _read(path)
    try:
        stored = wire.read_metadata(content, KEY)
        return None if stored is None else facts_from_json(_parsed(stored))
    except (ValueError, InputError) as error:
        raise InputError(f"{path}: {error}") from error


def _parsed(stored: bytes) -> Any:
    try:
        return json.loads(stored)
    except (ValueError, RecursionError) as error:
        raise InputError(f"damaged facts: {error}; make the file again") from error


def write_facts(path: Path, facts: Facts) -> None:
    """Replace the facts inside a file, in place and atomically; everything else in it stays as it is."""
    wire = _WIRES[file_format(path)]
    content = _read(path)
    try:
        changed = wire.write_metadata(content, KEY, json.dumps(facts.to_json(), separators=(",", ":")).encode())
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
    atomic_write(path, changed)
