"""The noun that tables, pictures and gates read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from edgeseg.core.errors import InputError
from edgeseg.core.evaluation import At, Evaluation
from edgeseg.core.facts import size_from_json
from edgeseg.core.json_values import (
    Reader,
    amount,
    count,
    fields,
    listed,
    named,
    number_of,
    optional,
    plain,
    positive,
    text,
    truth,
    word,
)
from edgeseg.core.types import SCHEMA, Format, HeadKind, Precision, Size

__all__ = ["Record"]


@dataclass(frozen=True)
class Record:
    """One measurement of one artifact on one runtime on one device.

    Times are raw samples in milliseconds: `network_ms` of the network alone, `classmap_ms` from the decoded uint8
    image to the class map, each with the round that it was taken in, in which every artifact of the run had its turn.
    `reference_ms` has the median time of fixed work in each of these rounds, by its name. `image_counts` are (images,
    3, classes) pixels: those that are right, those labelled and those predicted as a class. A figure that was not or
    could not be measured is None and `notes` say why.
    """

    name: str
    model: str
    format: Format
    precision: Precision
    head: HeadKind
    size: Size
    batch: int
    runtime: str
    device: str
    threads: int
    network_ms: tuple[float, ...]
    classmap_ms: tuple[float, ...]
    sha256: str | None = None
    parent_sha256: str | None = None
    params: int | None = None
    madds: int | None = None
    size_bytes: int | None = None
    peak_rss_mib: float | None = None
    energy_mj: float | None = None
    """Of the processor packages for one run of the network, where they tell."""
    dataset: str | None = None
    images: int = 0
    miou_percent: float | None = None
    class_iou_percent: Mapping[str, float | None] = field(default_factory=dict)
    network_rounds: tuple[int, ...] = ()
    classmap_rounds: tuple[int, ...] = ()
    reference_ms: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    evaluation: Evaluation = field(default_factory=Evaluation)
    image_counts: tuple[tuple[tuple[int, ...], ...], ...] = ()
    images_crc32: str | None = None
    """Of the pixels of all these images, in hexadecimal."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; samples, of which there may be millions, are not copied."""
        return {**vars(self), "size": asdict(self.size), "evaluation": asdict(self.evaluation)}

    @classmethod
    def from_json(cls, values: Any) -> Record:
        """Read what `to_json` wrote, or an older edgeseg; raise InputError for another schema or a wrong field."""
        if isinstance(values, Mapping) and values.get("schema", SCHEMA) != SCHEMA:
            raise InputError(f"record of schema {values['schema']!r}: this edgeseg reads schema {SCHEMA}")
        try:
            record = cls(**fields(values, _READERS, later=_LATER))
            _check_rounds(record)
            _check_accuracy(record)
        except (ValueError, InputError, RecursionError) as error:
            raise InputError(f"damaged record: {error}") from error
        return record


def _evaluation(values: Any) -> Evaluation:
    return Evaluation(**fields(values, {"scales": listed(positive), "flip": truth, "at": word(At)}))


def _image_counts(values: Any) -> tuple[tuple[tuple[int, ...], ...], ...]:
    images: tuple[tuple[tuple[int, ...], ...], ...] = listed(listed(listed(count)))(values)
    shapes = {tuple(map(len, image)) for image in images}
    if len(shapes) > 1 or any(len(shape) != 3 or len(set(shape)) > 1 or not shape[0] for shape in shapes):
        raise ValueError("expected (images, 3, classes) pixels")
    return images


def _check_rounds(record: Record) -> None:
    """Each sample has a round, and the reference work a time in each of them."""
    rounds = {"network": record.network_rounds, "classmap": record.classmap_rounds}
    for stage, samples in {"network": record.network_ms, "classmap": record.classmap_ms}.items():
        if rounds[stage] and len(rounds[stage]) != len(samples):
            raise ValueError(f"{stage}_rounds: {len(rounds[stage])} of them, but {len(samples)} samples")
    played = 1 + max((number for numbers in rounds.values() for number in numbers), default=-1)
    for name, medians in record.reference_ms.items():
        if len(medians) < played:
            raise ValueError(f"reference_ms: {name}: {len(medians)} times, but {played} rounds")


def _check_accuracy(record: Record) -> None:
    if record.miou_percent is not None and record.miou_percent > 100:
        raise ValueError(f"miou_percent: {record.miou_percent:g} of 100")
    if record.image_counts and len(record.image_counts) != record.images:
        raise ValueError(f"image_counts: of {len(record.image_counts)} images, but there are {record.images}")
    for hits, labelled, predicted in record.image_counts:
        if any(hit > min(pixels) for hit, *pixels in zip(hits, labelled, predicted, strict=True)):
            raise ValueError("image_counts: more pixels are right than there are")


_READERS: Mapping[str, Reader] = {
    "name": text,
    "model": text,
    "format": word(Format),
    "precision": word(Precision),
    "head": word(HeadKind),
    "size": size_from_json,
    "batch": number_of,
    "runtime": text,
    "device": text,
    "threads": number_of,
    "network_ms": listed(positive),
    "classmap_ms": listed(positive),
    "sha256": optional(text),
    "parent_sha256": optional(text),
    "params": optional(count),
    "madds": optional(count),
    "size_bytes": optional(count),
    "peak_rss_mib": optional(amount),
    "energy_mj": optional(amount),
    "dataset": optional(text),
    "images": count,
    "miou_percent": optional(amount),
    "class_iou_percent": named(optional(amount)),
    "network_rounds": listed(count),
    "classmap_rounds": listed(count),
    "reference_ms": named(listed(positive)),
    "evaluation": _evaluation,
    "image_counts": _image_counts,
    "images_crc32": optional(text),
    "environment": named(plain),
    "notes": listed(text),
    "schema": count,
}
_LATER = (
    "energy_mj",
    "network_rounds",
    "classmap_rounds",
    "reference_ms",
    "evaluation",
    "image_counts",
    "images_crc32",
)
"""Fields that older Records of this schema lack."""
