"""Records on disk: one JSON file, whole or not there."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeseg.core.errors import InputError
from edgeseg.core.files import atomic_write
from edgeseg.core.json_values import listed, text
from edgeseg.core.record import Record
from edgeseg.core.types import SCHEMA

__all__ = ["parse_records", "read_records", "read_results", "records_json", "write_records"]

_WANTED = "give the folder that `edgeseg bench` wrote to, or its records.json"
_AGAIN = "measure again with `edgeseg bench`"
_LIST = re.compile(r"\[\n\s*([-+.\deE,\s]+?)\s*\]")
"""A list of numbers over several lines; no text has such a line break in JSON."""


def write_records(path: Path, records: Sequence[Record]) -> None:
    """Replace a file by these Records, atomically; raises WorkError where the system refuses."""
    atomic_write(path, records_json(records))


def records_json(records: Sequence[Record], runs: Sequence[str] = (), **beside: Any) -> str:
    """The text that `read_results` reads; `beside` holds further top-level values, which it passes over."""
    named = {"runs": list(runs)} if runs else {}
    values = {"schema": SCHEMA, "records": [record.to_json() for record in records], **named, **beside}
    return _LIST.sub(_on_one_line, json.dumps(values, indent=1, allow_nan=False)) + "\n"


def _on_one_line(numbers: re.Match[str]) -> str:
    return f"[{' '.join(numbers[1].split())}]"


def read_records(path: Path) -> tuple[Record, ...]:
    """Read what `write_records` or a table in JSON holds; InputError for a missing, foreign or damaged file."""
    return tuple(record for record, _ in read_results(path))


def read_results(path: Path) -> tuple[tuple[Record, str], ...]:
    """As `read_records`, with the run that each Record is of in a comparison of several; else ""."""
    values = _content(path)
    records = parse_records(str(path), values)
    try:
        runs = listed(text)(values.get("runs", [""] * len(records)))
        return tuple(zip(records, runs, strict=True))
    except ValueError as error:
        message = f"{path}: expected in `runs` a name for each record; compare again with `edgeseg compare`"
        raise InputError(message) from error


def _content(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; {_WANTED}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: no file of records; {_WANTED}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not whole JSON ({error}); {_WANTED}") from error


def parse_records(name: str, values: Any) -> tuple[Record, ...]:
    """Read the JSON values of such a file; InputError that begins with a name for those of anything else."""
    if not isinstance(values, dict) or not isinstance(values.get("records"), list):
        raise InputError(f"{name}: holds no records; {_WANTED}")
    if values.get("schema") != SCHEMA:
        raise InputError(f"{name}: schema {values.get('schema')!r}, but this edgeseg reads schema {SCHEMA}; {_AGAIN}")
    return tuple(_parsed(name, number, value) for number, value in enumerate(values["records"], 1))


def _parsed(file: str, number: int, value: Any) -> Record:
    try:
        return Record.from_json(value)
    except InputError as error:
        raise InputError(f"{file}: record {number}: {error}; {_AGAIN}") from error
