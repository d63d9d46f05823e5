"""How far a quantized file is from its float file, seen on a few images: of those it was calibrated on, if it was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log10
from typing import TYPE_CHECKING, Any

from edgeseg.core.types import Artifact
from edgeseg.pipeline.worth.again import Again
from edgeseg.pipeline.worth.sensitivity import images_stamp, noise, scores_of
from edgeseg.quantize.precisions import kind_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Fidelity", "fidelity", "sqnr_db"]

_NOISELESS_DB = 200.0
"""SQNR of scores that are the float file's; as far below 0, that of scores which are no numbers."""
_IMAGES = 4
_FEWEST_DB, _FEWEST_EQUAL_PERCENT = 15.0, 75.0
_LEAST_ASKED_DB = 20


@dataclass(frozen=True)
class Fidelity:
    """The scores' signal to quantization noise ratio (SQNR) on the worst of some images, None of a class map; and the
    share of pixels that come to the class which the float file gives them.
    """

    sqnr_db: float | None
    equal_percent: float
    images: int
    data: str | None
    """What they are of; None for those that the file was calibrated on."""

    @property
    def is_low(self) -> bool:
        """Whether it is hardly the same network any more."""
        noisy = self.sqnr_db is not None and self.sqnr_db < _FEWEST_DB
        return noisy or self.equal_percent < _FEWEST_EQUAL_PERCENT

    @property
    def remedy(self) -> str:
        """The option of `edgeseg quantize` that asks for more than there is; a class map has no scores to ask it of."""
        if self.sqnr_db is None:
            return "--max-drop 1"
        return f"--min-sqnr {max(_LEAST_ASKED_DB, 10 * (int(self.sqnr_db // 10) + 1))}"

    def __str__(self) -> str:
        noise = "" if self.sqnr_db is None else f"SQNR {self.sqnr_db:.1f} dB at the scores of the worst image, "
        images = f"{'' if self.data else 'calibration '}image{'s' * (self.images != 1)}"
        of = f" of {self.data}" if self.data else ""
        return f"{noise}{self.equal_percent:.1f} % equal classes on {self.images} {images}{of}"


def fidelity(again: Again, quantized: Artifact, threads: int) -> Fidelity | None:
    """Run both files; None where there are no images, which a kept calibration does without.

    Raises InputError for a file that cannot be run.
    """
    calibrated = kind_of(again.recipe).calibrated and (again.keep is None or again.keep.add)
    if not calibrated and images_stamp(again) is None:
        return None
    expected, given = (list(scores_of(each, again, threads, _IMAGES)) for each in (again.source, quantized))
    is_classmap = quantized.facts.output.head == "classmap"
    pairs = zip(expected, given, strict=True)
    equal = [float((_classes(one, is_classmap) == _classes(other, is_classmap)).mean()) for one, other in pairs]
    noise_db = None if is_classmap else sqnr_db(expected, given)
    data = again.samples if isinstance(again.samples, str) else again.samples.name
    return Fidelity(noise_db, 100 * sum(equal) / len(equal), len(equal), None if calibrated else data)


def sqnr_db(expected: Iterable[NDArray[Any]], given: Iterable[NDArray[Any]]) -> float:
    """On the worst image."""
    share = max(noise((one,), (other,)) for one, other in zip(expected, given, strict=True))
    return max(-_NOISELESS_DB, min(_NOISELESS_DB, -10 * log10(share))) if share else _NOISELESS_DB


def _classes(scores: NDArray[Any], is_classmap: bool) -> NDArray[Any]:
    return scores if is_classmap else scores.argmax(-1)
