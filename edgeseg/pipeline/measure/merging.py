"""Results of many runs and machines to one comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from edgeseg.bench.comparison.compare import Row, Sort, compare
from edgeseg.bench.comparison.records import read_results
from edgeseg.bench.comparison.tables import TableFormat, write_table
from edgeseg.bench.comparison.terms import differences
from edgeseg.bench.page import Picture, html_page
from edgeseg.core.errors import InputError
from edgeseg.core.files import atomic_write, remove
from edgeseg.core.record import Record
from edgeseg.pipeline.measure.comparing import PICTURE, published_miou_percent

__all__ = ["Merged", "merge", "write_merged"]

_RECORDS = "records.json"
_NAMED = 3
"""Runs that an error names of each value at most."""


@dataclass(frozen=True)
class Merged:
    """Records with the run that each is of, and the pictures of those runs."""

    records: tuple[Record, ...]
    runs: tuple[str, ...]
    pictures: tuple[Picture, ...]

    def rows(self, sort: Sort = "model") -> tuple[Row, ...]:
        """The table's rows."""
        return compare(self.records, sort, published_miou_percent(self.records), self.runs)


def merge(results: Sequence[Path], mixed: bool = False) -> Merged:
    """Read the results of `edgeseg bench` or `run`.

    Args:
        results: Folders with `records.json`, or such files (`table.json` too), of any machine. A Record that is in more
            than one is taken once, and so is a picture. Those of a `compare.json` keep the runs that they are of.
        mixed: Whether Records may stand together that were not measured on the same terms.

    Raises:
        InputError: A result that cannot be read or is empty; or, unless `mixed`, what differs.
    """
    found: dict[str, tuple[Record, str]] = {}
    pictures: dict[Path, Picture] = {}
    short = [(result.parent if result.name == _RECORDS else result).name for result in results]
    is_telling = len(set(short)) == len(results)
    for result, name in zip(results, short, strict=True):
        path = result / _RECORDS if result.is_dir() else result
        run = (name if is_telling and name else str(result)).encode(errors="backslashreplace").decode()
        for record, kept in read_results(path):
            named = kept if kept and len(results) == 1 else ": ".join(filter(None, (run, kept)))
            found.setdefault(repr(record), (record, named))
        picture = path.parent / PICTURE
        if picture.is_file():
            pictures.setdefault(picture.resolve(), Picture(run, picture))
    if not found:
        raise InputError(f"{', '.join(map(str, results))}: no records; give results of `edgeseg bench` that succeeded")
    merged = Merged(
        tuple(record for record, _ in found.values()), tuple(run for _, run in found.values()), tuple(pictures.values())
    )
    differing = differences(merged.records)
    if differing and not mixed:
        raise InputError(
            f"cannot be compared: {'; '.join(_told(merged, term, values) for term, values in differing.items())}; "
            "measure them alike, or pass --mixed to see them in one table all the same"
        )
    return merged


def _told(merged: Merged, term: str, values: Mapping[str, Sequence[Record]]) -> str:
    """A term with each of its values and the runs that have it."""
    of = {id(record): run for record, run in zip(merged.records, merged.runs, strict=True)}
    parts = []
    for value, records in values.items():
        runs = list(dict.fromkeys(of[id(record)] for record in records))
        more = f" and {len(runs) - _NAMED} more" if len(runs) > _NAMED else ""
        parts.append(f"{value} ({', '.join(runs[:_NAMED])}{more})")
    return f"{term} is {' or '.join(parts)}"


def write_merged(
    folder: Path,
    merged: Merged,
    formats: Sequence[TableFormat],
    sort: Sort,
    per_class: bool,
    read: Iterable[Path] = (),
) -> list[Path]:
    """Write `compare.html` and the tables asked for into a folder; returns their paths.

    Those of a comparison before go first, but not one that was `read`: nothing else may hold its Records.
    """
    rows = merged.rows(sort)
    page, paths = folder / "compare.html", [folder / f"compare.{format}" for format in formats]
    kept = {path.resolve() for path in read}
    for old in (page, *(folder / f"compare.{format}" for format in get_args(TableFormat))):
        if old.resolve() not in kept:
            remove(old)
    for path, format in zip(paths, formats, strict=True):
        write_table(path, format, merged.records, rows, per_class=per_class, runs=merged.runs)
    atomic_write(page, html_page(_title(merged), rows, merged.pictures))
    return [*paths, page]


def _title(merged: Merged) -> str:
    records, runs = len(merged.records), len(set(merged.runs))
    return f"edgeseg: {records} measurement{'s' * (records > 1)} of {runs} run{'s' * (runs > 1)}"
