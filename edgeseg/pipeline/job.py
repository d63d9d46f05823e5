"""One measurement, as it is handed to the process that makes it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from edgeseg.bench.times.latency import LatencyOptions
from edgeseg.core.cpu import check_threads
from edgeseg.core.evaluation import Evaluation
from edgeseg.core.source import Source

__all__ = ["Job"]


@dataclass(frozen=True)
class Job:
    """What to measure and how. `data` of None leaves accuracy out.

    Raises InputError for more threads than this machine is to be troubled with, unless the device is elsewhere.
    """

    source: Source
    runtime: str | None = None
    device: str = "cpu"
    threads: int = 2
    data: str | None = None
    split: str | None = None
    images: int | None = None
    latency: LatencyOptions = field(default_factory=LatencyOptions)
    evaluation: Evaluation = field(default_factory=Evaluation)

    def __post_init__(self) -> None:
        if ":" not in self.device:  # That of another machine is an address.
            check_threads(self.threads)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Job:
        """Read what `to_json` wrote."""
        given = {
            "source": Source.from_json(values["source"]),
            "latency": LatencyOptions(**values["latency"]),
            "evaluation": Evaluation.from_json(values["evaluation"]),
        }
        return cls(**{**values, **given})
