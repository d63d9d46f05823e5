"""One measurement, as it is handed to the process that makes it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from edgeseg.bench.times.latency import LatencyOptions
from edgeseg.core.evaluation import Evaluation
from edgeseg.core.source import Source

__all__ = ["Job"]


@dataclass(frozen=True)
class Job:
    """What to measure and how. `data` of None leaves accuracy out."""

    source: Source
    runtime: str | None = None
    device: str = "cpu"
    threads: int = 2
    data: str | None = None
    split: str | None = None
    images: int | None = None
    latency: LatencyOptions = field(default_factory=LatencyOptions)
    evaluation: Evaluation = field(default_factory=Evaluation)

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
