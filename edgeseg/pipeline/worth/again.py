"""Quantizing the same float file again and again, with other operators left in float."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edgeseg.core.files import temporary_folder
from edgeseg.core.protocols import Dataset, Keep, Progress, Recipe, never
from edgeseg.core.types import Artifact
from edgeseg.pipeline.files.quantizing import CALIBRATION_IMAGES, quantize_with_report
from edgeseg.pipeline.silence import silent
from edgeseg.quantize.finished.report import Report

__all__ = ["Again", "kept"]


@dataclass(frozen=True)
class Again:
    """How a float file was quantized.

    `keep` spares it from being run on the calibration images every time, `begun` from being run on those again that a
    command which was stopped had run it on. `enough`, asked after every image, can end calibration early.
    """

    source: Artifact
    samples: Dataset | str
    recipe: Recipe
    count: int = CALIBRATION_IMAGES
    split: str | None = None
    keep: Keep | None = None
    begun: Path | None = None
    enough: Callable[[], bool] = never

    def __call__(
        self, floating: Iterable[str], path: Path, progress: Progress = silent, *, verified: bool = True
    ) -> tuple[Artifact, Report]:
        """Write the int8 file that leaves these operators in float too; raises what `quantize_with_report` raises."""
        return quantize_with_report(
            *(self.source, self.samples, self.without(floating).recipe, path),
            count=self.count,
            split=self.split,
            keep=self.keep,
            begun=self.begun,
            enough=self.enough,
            progress=progress,
            verified=verified,
        )

    def without(self, floating: Iterable[str]) -> Again:
        """The same with these operators left in float from the start."""
        names = tuple(dict.fromkeys((*self.recipe.floating, *floating)))
        return replace(self, recipe=replace(self.recipe, floating=names))


@contextmanager
def kept(asked: Keep | None, again: bool) -> Iterator[Keep | None]:
    """Where to keep what calibration saw: as asked, or in a file for as long as it is needed to quantize again."""
    if asked or not again:
        yield asked
    else:
        with temporary_folder() as folder:
            yield Keep(folder / "seen.npz", add=True, lasting=False)
