"""Records side by side: one row an artifact, measured against the float row of the same model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, TypeAlias, get_args

from edgeseg.bench.accuracy.miou_loss import Interval, loss_interval
from edgeseg.bench.comparison.machines import machines
from edgeseg.bench.comparison.terms import labels, one_class, same_accuracy_terms, same_rounds, same_speed_terms, series
from edgeseg.bench.times.intervals import ratio_interval
from edgeseg.bench.times.latency import LatencySummary, summarize
from edgeseg.core.errors import InputError
from edgeseg.core.record import Record

__all__ = ["Row", "Sort", "compare", "float_record"]

Sort: TypeAlias = Literal["model", "latency", "miou", "size"]

_BYTES_PER_MIB = 2**20


@dataclass(frozen=True)
class Row:
    """One artifact's line in a table. None where a figure was not measured or has nothing to be compared with.

    Rows of one `series` were measured in the same rounds. A median, and so the speed-up, lies between its `low` and its
    `high` with 95 %, by bootstrap over rounds. A percentile is None where there are too few samples to state it.
    `speedup` is the float row's median image-to-class-map time over this one's: 2.0 is twice as fast.
    `miou_loss_points` is the float row's mIoU minus this one's: positive is worse. `miou_loss_low_points` to
    `miou_loss_high_points` is its 95 % interval over images. `labels` names what the class maps were held against: rows
    with another name saw other images or other labels.
    """

    name: str
    model: str
    format: str
    precision: str
    head: str
    size: str
    batch: int
    runtime: str
    device: str
    threads: int
    machine: str
    run: str
    series: int | None
    is_baseline: bool
    network_p50_ms: float | None
    network_p50_low_ms: float | None
    network_p50_high_ms: float | None
    network_p90_ms: float | None
    network_p95_ms: float | None
    network_p99_ms: float | None
    network_spread_percent: float | None
    classmap_p50_ms: float | None
    classmap_p50_low_ms: float | None
    classmap_p50_high_ms: float | None
    speedup: float | None
    speedup_low: float | None
    speedup_high: float | None
    dataset: str | None
    images: int
    evaluation: str
    labels: str | None
    miou_percent: float | None
    miou_loss_points: float | None
    miou_loss_low_points: float | None
    miou_loss_high_points: float | None
    published_miou_percent: float | None
    params_millions: float | None
    madds_billions: float | None
    file_mib: float | None
    peak_rss_mib: float | None
    energy_mj: float | None
    class_iou_percent: Mapping[str, float | None]
    notes: tuple[str, ...]

    @property
    def network_p50_within_percent(self) -> float | None:
        """From the median to the farther end of its interval."""
        within = _within(self.network_p50_ms, self.network_p50_low_ms, self.network_p50_high_ms)
        return _percent(within, self.network_p50_ms)

    @property
    def classmap_p50_within_percent(self) -> float | None:
        """From the median to the farther end of its interval."""
        within = _within(self.classmap_p50_ms, self.classmap_p50_low_ms, self.classmap_p50_high_ms)
        return _percent(within, self.classmap_p50_ms)

    @property
    def speedup_within(self) -> float | None:
        """From the speed-up to the farther end of its interval."""
        return _within(self.speedup, self.speedup_low, self.speedup_high)

    @property
    def miou_loss_within_points(self) -> float | None:
        """From the loss to the farther end of its interval."""
        return _within(self.miou_loss_points, self.miou_loss_low_points, self.miou_loss_high_points)


def _within(middle: float | None, low: float | None, high: float | None) -> float | None:
    return None if middle is None or low is None or high is None else max(middle - low, high - middle)


def _percent(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else 100 * part / whole


def compare(
    records: Sequence[Record],
    sort: Sort = "model",
    published_miou_percent: Mapping[str, float] | None = None,
    runs: Sequence[str] = (),
) -> tuple[Row, ...]:
    """Records as rows, beside what was published of their models on Cityscapes val.

    `sort`: `model` (then format, float before int8), `latency` (image to class map, fastest first), `miou` (best
    first) or `size` (smallest file first); rows without that figure come last. InputError for another word. `runs`
    names the run that each Record is of, where they are of several.
    """
    if sort not in get_args(Sort):
        raise InputError(f"sort {sort!r}: expected {', '.join(get_args(Sort))}")
    published, named = published_miou_percent or {}, machines(records, runs)
    rows = [
        _row(record, records, named, published.get(record.model), run, number)
        for record, run, number in zip(records, runs or [""] * len(records), series(records), strict=True)
    ]
    return tuple(sorted(rows, key=_KEYS[sort]))


def float_record(record: Record, records: Sequence[Record], named: Mapping[int, str] | None = None) -> Record | None:
    """The float Record that one is held against: itself if it is float.

    Otherwise the one that it was made from by sha256; where what it was made from is not known, a float one of the same
    model and format. Of several, the one measured under the most equal conditions, and the first of those. `named` are
    the Records' machines, by default those of a single run.
    """
    if record.precision == "fp32":
        return record
    parent = record.parent_sha256
    floats = _relatives(record, records) if parent is None else _of_sha256(parent, records)
    named = named or machines(records)
    return max(floats, key=lambda other: _likeness(record, other, named), default=None)


def _of_sha256(sha256: str, records: Sequence[Record]) -> list[Record]:
    return [other for other in records if other.precision == "fp32" and other.sha256 == sha256]


def _relatives(record: Record, records: Sequence[Record]) -> list[Record]:
    """The float ones of its model and format."""
    floats = [other for other in records if other.precision == "fp32"]
    return [other for other in floats if (other.model, other.format) == (record.model, record.format)]


def _of_another(record: Record, records: Sequence[Record]) -> tuple[str, ...]:
    """That it was made of another float file than those beside it, whose weights may be others."""
    relatives, parent = _relatives(record, records), record.parent_sha256
    if record.precision == "fp32" or parent is None or not relatives or _of_sha256(parent, records):
        return ()
    names = " and ".join(dict.fromkeys(other.name for other in relatives))
    return (f"held against no float row: it was not made of {names}; quantize that, or give what it was made of",)


def _likeness(one: Record, other: Record, named: Mapping[int, str]) -> tuple[bool, ...]:
    return (
        same_speed_terms(one, other, named),
        same_rounds(one, other),
        same_accuracy_terms(one, other),
        one.runtime == other.runtime,
        one.head == other.head,
    )


def _row(
    record: Record,
    records: Sequence[Record],
    named: Mapping[int, str],
    published: float | None,
    run: str,
    number: int | None,
) -> Row:
    base = float_record(record, records, named)
    network = _summary(record.network_ms, record.network_rounds)
    classmap = _summary(record.classmap_ms, record.classmap_rounds)
    timed = base if base is not None and same_speed_terms(record, base, named) else None
    speedup_low, speedup_high = _speedup_ends(record, timed)
    loss, interval = _miou_loss(record, base)
    return Row(
        name=record.name,
        model=record.model,
        format=record.format,
        precision=record.precision,
        head=record.head,
        size=str(record.size),
        batch=record.batch,
        runtime=record.runtime,
        device=record.device,
        threads=record.threads,
        machine=named[id(record)],
        run=run,
        series=number,
        is_baseline=base is record,
        network_p50_ms=network.p50_ms if network else None,
        network_p50_low_ms=network.p50_low_ms if network else None,
        network_p50_high_ms=network.p50_high_ms if network else None,
        network_p90_ms=network.p90_ms if network else None,
        network_p95_ms=network.p95_ms if network else None,
        network_p99_ms=network.p99_ms if network else None,
        network_spread_percent=network.spread_percent if network else None,
        classmap_p50_ms=classmap.p50_ms if classmap else None,
        classmap_p50_low_ms=classmap.p50_low_ms if classmap else None,
        classmap_p50_high_ms=classmap.p50_high_ms if classmap else None,
        speedup=_speedup(record, timed),
        speedup_low=speedup_low,
        speedup_high=speedup_high,
        dataset=record.dataset,
        images=record.images,
        evaluation=str(record.evaluation),
        labels=labels(record),
        miou_percent=record.miou_percent,
        miou_loss_points=loss,
        miou_loss_low_points=interval.low if interval else None,
        miou_loss_high_points=interval.high if interval else None,
        published_miou_percent=published,
        params_millions=_over(record.params, 1e6),
        madds_billions=_over(record.madds, 1e9),
        file_mib=_over(record.size_bytes, _BYTES_PER_MIB),
        peak_rss_mib=record.peak_rss_mib,
        energy_mj=record.energy_mj,
        class_iou_percent=record.class_iou_percent,
        notes=(*record.notes, *_of_another(record, records), *one_class(record)),
    )


def _summary(samples: Sequence[float], rounds: Sequence[int]) -> LatencySummary | None:
    return summarize(samples, rounds) if samples else None


def _over(count: int | None, unit: float) -> float | None:
    return None if count is None else count / unit


def _speedup(record: Record, base: Record | None) -> float | None:
    if base is None or not record.classmap_ms or not base.classmap_ms:
        return None
    ours = median(record.classmap_ms)
    return median(base.classmap_ms) / ours if ours else None


def _speedup_ends(record: Record, base: Record | None) -> tuple[float, float] | tuple[None, None]:
    if base is None or base is record or _speedup(record, base) is None:
        return None, None
    if not (record.classmap_rounds and base.classmap_rounds):
        return None, None
    theirs, ours = ((each.classmap_ms, each.classmap_rounds) for each in (base, record))
    return ratio_interval(theirs, ours, together=same_rounds(base, record)) or (None, None)


def _miou_loss(record: Record, base: Record | None) -> tuple[float | None, Interval | None]:
    if base is None or not same_accuracy_terms(record, base):
        return None, None
    if record.miou_percent is None or base.miou_percent is None:
        return None, None
    interval = None if base is record else loss_interval(base.image_counts, record.image_counts)
    return base.miou_percent - record.miou_percent, interval


def _rising(value: float | None) -> float:
    return math.inf if value is None else value


def _by_model(row: Row) -> tuple[str | int | float, ...]:
    return row.model, row.format, row.precision != "fp32", row.precision, row.runtime, row.threads, row.name


_KEYS: dict[Sort, Callable[[Row], tuple[str | int | float, ...]]] = {
    "model": _by_model,
    "latency": lambda row: (_rising(row.classmap_p50_ms), *_by_model(row)),
    "miou": lambda row: (math.inf if row.miou_percent is None else -row.miou_percent, *_by_model(row)),
    "size": lambda row: (_rising(row.file_mib), *_by_model(row)),
}
