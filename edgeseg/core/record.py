"""The noun that tables, pictures and gates read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from edgeseg.core.errors import InputError
from edgeseg.core.evaluation import Evaluation
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
    environment: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Record:
        """Read what `to_json` wrote; raise InputError for another schema or missing fields."""
        if values.get("schema") != SCHEMA:
            raise InputError(f"record of schema {values.get('schema')!r}: this edgeseg reads schema {SCHEMA}")
        try:
            given = dict(values)
            given["size"] = Size(**values["size"])
            for name in ("network_ms", "classmap_ms", "notes"):
                given[name] = tuple(values[name])
            for name in ("network_rounds", "classmap_rounds"):
                given[name] = tuple(values.get(name, ()))
            given["reference_ms"] = {name: tuple(ms) for name, ms in values.get("reference_ms", {}).items()}
            given["evaluation"] = Evaluation.from_json(values.get("evaluation", Evaluation().to_json()))
            counts = values.get("image_counts", ())
            given["image_counts"] = tuple(tuple(map(tuple, image)) for image in counts)
            return cls(**given)
        except (KeyError, TypeError) as error:
            raise InputError(f"damaged record: {error}") from error
