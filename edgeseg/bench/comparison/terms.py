"""The terms that a figure was measured on, and whether those of two Records are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from edgeseg.bench.accuracy.miou_loss import same_labels
from edgeseg.core.record import Record

__all__ = [
    *("differences", "labels", "one_class", "other_pixels", "same_accuracy_terms", "same_rounds", "same_speed_terms"),
    "series",
]


@dataclass(frozen=True)
class _Term:
    name: str
    value: Callable[[Record], object]


def labels(record: Record) -> str | None:
    """Names what the Record was held against, where it tells: other images, or other labels of them, have another."""
    if not record.image_counts:
        return None
    return hashlib.sha256(repr([labelled for _, labelled, _ in record.image_counts]).encode()).hexdigest()[:8]


def one_class(record: Record) -> tuple[str, ...]:
    """That no label is of a second class, which is mostly a mistake in the labels."""
    counted = [sum(pixels) for pixels in zip(*(labelled for _, labelled, _ in record.image_counts), strict=True)]
    names = [name for name, pixels in zip(record.class_iou_percent, counted, strict=False) if pixels]
    if len(counted) < 2 or len(names) != 1:
        return ()
    return (
        f"all labels of {record.dataset} are {names[0]} or ignored; a class stored as 255, as in masks of 0 and 255, "
        "is void: store its id",
    )


_SIZE = _Term("size", lambda record: record.size)
_HEAD = _Term("head", lambda record: record.head)
_LABELS = _Term("labels", labels)
_PIXELS = _Term("the images' CRC", lambda record: record.images_crc32)
_SPEED = (
    _Term("device", lambda record: record.device),
    _Term("threads", lambda record: record.threads),
    _Term("batch", lambda record: record.batch),
)
_ACCURACY = (
    _Term("data", lambda record: record.dataset),
    _Term("images", lambda record: record.images),
    _Term("evaluation", lambda record: record.evaluation),
)


def same_speed_terms(one: Record, other: Record, machines: Mapping[int, str]) -> bool:
    """Whether their times can be held against each other; `machines` names those of Records, by the `id` of each."""
    return machines[id(one)] == machines[id(other)] and _same((_SIZE, *_SPEED), one, other)


def same_accuracy_terms(one: Record, other: Record) -> bool:
    """Whether their mIoU can: also, where both keep what was counted, whether they saw the same images and labels."""
    counted = bool(one.image_counts and other.image_counts)
    alike = _same((_SIZE, *_ACCURACY), one, other) and (
        not counted or same_labels(one.image_counts, other.image_counts)
    )
    return alike and not other_pixels(one, other)


def other_pixels(one: Record, other: Record) -> bool:
    """Whether both tell which images they are of, and those are not the same."""
    return None not in (one.images_crc32, other.images_crc32) and one.images_crc32 != other.images_crc32


def same_rounds(one: Record, other: Record) -> bool:
    """Whether they took turns: they then hold the same times of the reference workloads, to the last digit."""
    return bool(one.reference_ms) and one.reference_ms == other.reference_ms


def series(records: Sequence[Record]) -> list[int | None]:
    """For each Record the number, from 1, of the rounds that its times were taken in; None for one without times."""
    firsts: list[Record] = []
    found: list[int | None] = []
    for record in records:
        if not record.network_ms:
            found.append(None)
            continue
        number = next((at for at, first in enumerate(firsts) if same_rounds(first, record)), len(firsts))
        if number == len(firsts):
            firsts.append(record)
        found.append(number + 1)
    return found


def _same(terms: Iterable[_Term], one: Record, other: Record) -> bool:
    return all(term.value(one) == term.value(other) for term in terms)


def differences(records: Sequence[Record]) -> Mapping[str, Mapping[str, list[Record]]]:
    """The terms that these Records do not share, each with its values and the Records that have them.

    Machines may differ: times of several are what a comparison of machines is about. So may Records without accuracy
    from those with it.
    """
    measured = [record for record in records if record.miou_percent is not None]
    found = {**_divided((_SIZE, _HEAD, *_SPEED), records), **_divided(_ACCURACY, measured)}
    if {"size", "data", "images", "evaluation"} & found.keys():
        return found
    counted = [record for record in measured if record.image_counts]
    known = [record for record in measured if record.images_crc32]
    return {**found, **(_divided((_LABELS,), counted) or _divided((_PIXELS,), known))}


def _divided(terms: Iterable[_Term], records: Sequence[Record]) -> dict[str, dict[str, list[Record]]]:
    found: dict[str, dict[str, list[Record]]] = {}
    for term in terms:
        groups: dict[str, list[Record]] = {}
        for record in records:
            groups.setdefault(str(term.value(record)), []).append(record)
        if len(groups) > 1:
            found[term.name] = groups
    return found
