"""Time by operator, from the runtime's own profiler."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from edgeseg import data, runtimes
from edgeseg.bench.comparison.tables import TableFormat
from edgeseg.bench.profiles.operators import Profile, profile_of
from edgeseg.core.errors import InputError, MissingDependency
from edgeseg.core.graph import Graph
from edgeseg.core.protocols import Progress, Session
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact
from edgeseg.data.preprocess import Preprocessor
from edgeseg.graphs import read_graph
from edgeseg.pipeline.apart import apart
from edgeseg.pipeline.elsewhere.devices import is_elsewhere
from edgeseg.pipeline.files.pinning import pinned
from edgeseg.pipeline.images import DEFAULT_DATA, repeated
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.silence import silent
from edgeseg.pipeline.sources import as_artifact, check, check_apart, is_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["a_batch", "check_profiles", "profile_apart", "profile_file", "profiled", "write_profiles"]

_SECONDS = 0.5
_FEWEST, _MOST = 3, 50
"""Runs that a profile is made of: as many as fit into `_SECONDS`."""


def check_profiles(job: Job, sources: Sequence[Source]) -> None:
    """Raise InputError, before long work, for a device elsewhere, what is no file, and files of the same name."""
    if is_elsewhere(job.device):
        raise InputError(f"device {job.device}: profiles are of this machine's devices; run `bench --profile` there")
    for target in (source.target for source in sources):
        if not is_file(target):
            raise InputError(f"{target}: only a finished .onnx or .tflite file can be profiled; export it first")
    check(sources)
    check_apart(sources, name_of=lambda target: Path(target).name)


def profile_apart(job: Job, progress: Progress = silent) -> Profile:
    """Profile a finished file in a fresh process; raises what `profile_file` raised there."""
    return Profile.from_json(apart("profile", job.source.target, job.to_json(), job.threads, progress))


def profile_file(job: Job, progress: Progress) -> Profile:
    """Profile a finished file, on one image, in the process that runs this.

    Raises InputError for a damaged file or where the runtime has no profiler, MissingDependency where the package that
    it needs is not installed.
    """
    progress("profile", 0, 1)
    artifact = as_artifact(job.source)
    runtime = job.runtime or runtimes.for_format(artifact.facts.format)
    with (
        pinned(artifact) as fixed,
        runtimes.open_session(fixed, threads=job.threads, runtime=runtime, device=job.device) as session,
    ):
        found = profiled(session, fixed.path, a_batch(fixed), runtime, job.threads)
    progress("profile", 1, 1)
    return found


def profiled(session: Session, path: Path, batch: NDArray[Any], runtime: str, threads: int) -> Profile:
    """Profile the file at `path`, which the session runs."""
    session.run(batch)
    start = perf_counter()
    session.run(batch)
    runs = min(max(int(_SECONDS / (perf_counter() - start)), _FEWEST), _MOST)
    trace = session.trace(batch, runs)
    return profile_of(trace, _graph(path), name=path.name, runtime=runtime, threads=threads, runs=runs)


def a_batch(artifact: Artifact) -> NDArray[Any]:
    """One built-in image as an artifact takes it, repeated to fill its batch."""
    facts = artifact.facts.input
    image, _ = data.open_dataset(DEFAULT_DATA, size=facts.size, limit=1)[0]
    return repeated(Preprocessor(facts)(image), facts)


def write_profiles(folder: Path, profile: Profile, formats: Sequence[TableFormat]) -> list[Path]:
    """Write `profile_FILE.FORMAT` in every format, and return the paths."""
    from edgeseg.bench.profiles.operator_tables import write_profile

    paths = [folder / f"profile_{profile.name}.{format}" for format in formats]
    for path, format in zip(paths, formats, strict=True):
        write_profile(path, format, profile)
    return paths


def _graph(path: Path) -> Graph | None:
    """None where a device has the runtime but not what reads its files; kernels then go by the runtime's own names."""
    try:
        return read_graph(path)
    except MissingDependency:
        return None
