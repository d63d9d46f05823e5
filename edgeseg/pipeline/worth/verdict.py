"""Whether a quantized file is faster than its float twin, and what in it runs in float."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from edgeseg import runtimes
from edgeseg.bench.profiles.islands import Island, find_islands
from edgeseg.bench.profiles.operators import Profile
from edgeseg.bench.times.contest import Contest, take_turns
from edgeseg.core.container import write_facts
from edgeseg.core.facts import facts_from_json
from edgeseg.core.protocols import Progress
from edgeseg.core.types import Artifact
from edgeseg.graphs import read_graph
from edgeseg.pipeline.apart import apart
from edgeseg.pipeline.files.pinning import pinned
from edgeseg.pipeline.measure.profiling import a_batch, profiled
from edgeseg.pipeline.silence import silent
from edgeseg.quantize.finished.operators import ONNX_INT8

__all__ = ["Rivals", "Verdict", "hold_against", "marked", "run_rivals"]

_SECONDS = 1.0
"""That the files of a contest run, together."""


@dataclass(frozen=True)
class Rivals:
    """Two files to run in turns and to profile, in a process of their own."""

    first: Artifact
    other: Artifact
    threads: int

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        files = [{"path": str(each.path), "facts": each.facts.to_json()} for each in (self.first, self.other)]
        return {"files": files, "threads": self.threads}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Rivals:
        """Read what `to_json` wrote."""
        first, other = (Artifact(Path(file["path"]), facts_from_json(file["facts"])) for file in values["files"])
        return cls(first, other, values["threads"])


@dataclass(frozen=True)
class Verdict:
    """A quantized file against another, mostly its float twin: their times in turns, and both profiles."""

    contest: Contest
    profile: Profile
    other_profile: Profile

    @property
    def setting(self) -> str:
        """What it holds for."""
        return f"{self.profile.runtime}, {self.profile.threads} thread{'s' * (self.profile.threads > 1)}"

    def islands(self, artifact: Artifact, asked: tuple[str, ...] = ()) -> tuple[Island, ...]:
        """What the quantized file leaves in float; `asked` are the tensors whose operators were meant to be."""
        int8 = ONNX_INT8 if artifact.facts.format == "onnx" else None
        return find_islands(self.profile, read_graph(artifact.path), asked, int8)


def hold_against(artifact: Artifact, other: Artifact, threads: int, progress: Progress = silent) -> Verdict:
    """Run two files of one format in turns, then profile each, in a fresh process.

    Raises:
        InputError: A file that cannot be run or profiled.
        WorkError: The process died.
    """
    with pinned(artifact) as first, pinned(other) as second:
        question = Rivals(first, second, threads).to_json()
        answer = apart("rivals", artifact.path.name, question, threads, progress)
    profiles = [Profile.from_json(values) for values in answer["profiles"]]
    return Verdict(Contest(*map(tuple, answer["ms"])), *profiles)


def run_rivals(rivals: Rivals, progress: Progress) -> dict[str, Any]:
    """What `hold_against` has done in a process of its own."""
    progress("run in turns", 0, 3)
    files, threads = (rivals.first, rivals.other), rivals.threads
    runtime = runtimes.for_format(rivals.first.facts.format)
    batches = [a_batch(file) for file in files]
    with (
        runtimes.open_session(files[0], threads=threads, runtime=runtime) as one,
        runtimes.open_session(files[1], threads=threads, runtime=runtime) as other,
    ):
        ms = take_turns([lambda: one.run(batches[0]), lambda: other.run(batches[1])], _SECONDS, pools=threads > 1)
        progress("profile", 1, 3)
        profiles = []
        for session, file, batch in zip((one, other), files, batches, strict=True):
            profiles.append(asdict(profiled(session, file.path, batch, runtime, threads)))
            progress("profile", 1 + len(profiles), 3)
    return {"ms": ms, "profiles": profiles}


def marked(artifact: Artifact, verdict: Verdict) -> Artifact:
    """A file that is slower than its float twin says so from then on, inside of itself."""
    if not verdict.contest.is_slower:
        return artifact
    note = f"slower than its float twin on the machine that made it ({verdict.setting})"
    facts = replace(artifact.facts, notes=(*artifact.facts.notes, note))
    write_facts(artifact.path, facts)
    return Artifact(artifact.path, facts)
