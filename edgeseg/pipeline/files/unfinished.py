"""What `edgeseg quantize` has done of what it was asked, until it has done all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from edgeseg.bench.times.environment import setting
from edgeseg.core.container import read_facts
from edgeseg.core.files import remove
from edgeseg.core.parts import sha256_of
from edgeseg.core.protocols import Keep
from edgeseg.core.types import Artifact
from edgeseg.pipeline.answers import Answers

__all__ = ["Unfinished"]

_NAME = "unfinished_quantize"


@dataclass(frozen=True)
class Unfinished:
    """Files in a workspace, named after the command that they are of: the quantized files, and what calibration saw.

    `images` is the stamp of those that it calibrates with, `beside` what else its files come of, as `including` has it.
    """

    folder: Path
    command: str
    images: str | None
    beside: Mapping[str, Any] = field(default_factory=dict)

    def including(self, keep: Keep | None, labels: str | None, threads: int) -> Unfinished:
        """The same of a calibration file that it does not add to, of labels by their stamp, and of this machine."""
        calibration = sha256_of([keep.path]) if keep and not keep.add else None
        return replace(self, beside={"calibration": calibration, "labels": labels, "on": setting(threads)})

    def begin(self, resume: bool, keep: Keep | None = None) -> None:
        """Forget what the same command left, unless it is to go on with that; write down a calibration file it begins.

        Raises WorkError where the system refuses that, InputError for a damaged file.
        """
        if not resume:
            self.end()
        if keep and keep.add:
            self._answers.put(_calibration(keep), True)

    def owned(self, keep: Keep) -> Keep:
        """The same calibration file, added to where this command began it. InputError for a damaged file."""
        return replace(keep, add=keep.add or self._answers.get(_calibration(keep)) is not None)

    def end(self) -> None:
        """Nothing is left to go on with."""
        for path in (*self.folder.glob(f"{self._stem}_*.npz"), self._answers.path):
            remove(path)

    @property
    def seen(self) -> Path:
        """Where calibration keeps what it has seen so far of these images."""
        return self.folder / f"{self._stem}_{self.images}.npz"

    def put(self, source: Artifact, quantized: Artifact) -> None:
        """A file is through, and what was seen of it needed no more.

        Raises WorkError or InputError where the system refuses.
        """
        self._answers.put(self._asked(source), {"path": str(quantized.path), "sha256": quantized.sha256})
        remove(self.seen)

    def get(self, source: Artifact) -> Artifact | None:
        """What was made of it, where that is still as it was. InputError for a damaged file."""
        found = self._answers.get(self._asked(source))
        if found is None:
            return None
        try:
            path, expected = Path(found["path"]), found["sha256"]
        except (KeyError, TypeError) as error:
            raise self._answers.damaged() from error
        facts = read_facts(path) if path.is_file() else None
        quantized = Artifact(path, facts) if facts else None
        return quantized if quantized and quantized.sha256 == expected else None

    @property
    def _answers(self) -> Answers:
        return Answers(self.folder / f"{self._stem}.json")

    @property
    def _stem(self) -> str:
        return f"{_NAME}_{sha256(self.command.encode()).hexdigest()[:8]}"

    def _asked(self, source: Artifact) -> dict[str, Any]:
        return {"path": str(source.path), "sha256": source.sha256, "images": self.images, **self.beside}


def _calibration(keep: Keep) -> dict[str, str]:
    return {"calibration": str(keep.path)}
