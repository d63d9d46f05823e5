"""Many measurements to one comparison: records, tables and a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from edgeseg import models, runtimes
from edgeseg.bench.comparison.compare import Row, Sort, compare, float_record
from edgeseg.bench.comparison.failure import Failure
from edgeseg.bench.comparison.records import write_records
from edgeseg.bench.comparison.tables import TableFormat, write_table
from edgeseg.core import registry
from edgeseg.core.errors import EdgesegError, MissingDependency
from edgeseg.core.files import remove
from edgeseg.core.record import Record
from edgeseg.core.resize import resize_nearest
from edgeseg.core.source import Source
from edgeseg.data.preprocess import Preprocessor
from edgeseg.pipeline.images import open_evaluation, repeated
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.benching import Titled, measure_each, shown_name
from edgeseg.pipeline.measure.kept_records import KeptRecords
from edgeseg.pipeline.sources import as_artifact, is_file

__all__ = ["PICTURE", "Comparison", "measure_all", "published_miou_percent", "write_comparison", "write_picture"]

PICTURE = "comparison.png"
"""Name of the picture in a folder of results."""


@dataclass(frozen=True)
class Comparison:
    """What came of measuring several artifacts. `sources` and `records` go together; `errors` are the failures'."""

    sources: tuple[Source, ...] = ()
    records: tuple[Record, ...] = ()
    failures: tuple[Failure, ...] = ()
    errors: tuple[EdgesegError, ...] = ()

    def __add__(self, other: Comparison) -> Comparison:
        return Comparison(
            self.sources + other.sources,
            self.records + other.records,
            self.failures + other.failures,
            self.errors + other.errors,
        )

    def noted(self, note: str) -> Comparison:
        """The same with a note on every record."""
        return replace(self, records=tuple(replace(record, notes=(*record.notes, note)) for record in self.records))

    def rows(self, sort: Sort = "model") -> tuple[Row, ...]:
        """The table's rows."""
        return compare(self.records, sort, published_miou_percent(self.records))


def published_miou_percent(records: Iterable[Record]) -> dict[str, float]:
    """What was published of the zoo's networks among these Records on Cityscapes val, by name."""
    cards = [models.card(name) for name in {record.model for record in records} & set(models.names())]
    return {card.name: miou for card in cards if (miou := card.published.cityscapes_miou_percent) is not None}


def measure_all(job: Job, sources: Sequence[Source], progress: Titled, kept: KeptRecords | None = None) -> Comparison:
    """Measure every source as `job` says; one that fails becomes a Failure and the others go on.

    What is in `kept` is not measured again. Raises InputError for data without labels.
    """
    found = measure_each(job, sources, progress, kept)
    done = [(source, each) for source, each in zip(sources, found, strict=True) if isinstance(each, Record)]
    failed = [(source, each) for source, each in zip(sources, found, strict=True) if isinstance(each, EdgesegError)]
    return Comparison(
        tuple(source for source, _ in done),
        tuple(record for _, record in done),
        tuple(Failure.of(shown_name(source), error) for source, error in failed),
        tuple(error for _, error in failed),
    )


def write_comparison(
    folder: Path, comparison: Comparison, formats: Sequence[TableFormat], sort: Sort, per_class: bool
) -> list[Path]:
    """Write `records.json` and the tables asked for into a folder; returns the paths of the tables.

    The tables and the picture of the run before go first, so that never two runs lie side by side. Where nothing was
    measured they stay, and nothing is written.
    """
    if not comparison.records:
        return []
    for name in (PICTURE, *(f"table.{format}" for format in get_args(TableFormat))):
        remove(folder / name)
    write_records(folder / "records.json", comparison.records)
    rows = comparison.rows(sort)
    paths = [folder / f"table.{format}" for format in formats]
    for path, format in zip(paths, formats, strict=True):
        write_table(path, format, comparison.records, rows, comparison.failures, per_class=per_class)
    return paths


def write_picture(folder: Path, comparison: Comparison, data: str, split: str | None, images: int = 3) -> Path | None:
    """Write the picture for the first int8 file whose float twin, of the same size, was measured too.

    Returns None where there is no such pair, or where pictures cannot be drawn for want of pillow.
    """
    pair = _first_pair(comparison)
    if pair is None:
        return None
    try:
        picture = registry.load(
            "edgeseg.bench.pictures", "picture", package="pillow", extra="images", why="drawing pictures"
        )
    except MissingDependency:
        return None
    artifacts = [as_artifact(source) for source in pair]
    size = artifacts[0].facts.input.size
    dataset = open_evaluation(data, split, size, images)
    with runtimes.open_session(artifacts[0]) as floating, runtimes.open_session(artifacts[1]) as integer:
        rows = []
        for image, label in dataset:
            panels = [
                (title, session.classmap(repeated(Preprocessor(session.facts.input)(image), session.facts.input))[0])
                for title, session in (("float", floating), ("int8", integer))
            ]
            rows.append((image, resize_nearest(label, size), panels))
    target = folder / PICTURE
    picture.save(picture.comparison_picture(rows, dataset.palette, dataset.classes), target)
    return target


def _first_pair(comparison: Comparison) -> tuple[Source, Source] | None:
    for source, record in zip(comparison.sources, comparison.records, strict=True):
        twin = float_record(record, comparison.records)
        if record.precision != "int8" or twin is None or not is_file(source.target):
            continue
        if twin.size == record.size:
            return comparison.sources[comparison.records.index(twin)], source
    return None
