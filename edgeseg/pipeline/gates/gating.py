"""Candidates held against baselines: raced, and their figures compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic

from edgeseg.bench.accuracy.miou_loss import same_labels
from edgeseg.bench.comparison.terms import other_pixels
from edgeseg.bench.gates.corrected import draws_for
from edgeseg.bench.gates.gate import Check, GateOptions, GateVerdict, Measured, Timing, rule
from edgeseg.bench.gates.race import race
from edgeseg.bench.gates.self_test import SelfTest
from edgeseg.bench.times.cores import kept_to, pinned_cores
from edgeseg.core.errors import EdgesegError, InputError
from edgeseg.core.protocols import Progress
from edgeseg.core.record import Record
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact
from edgeseg.pipeline.completing import completed
from edgeseg.pipeline.elsewhere.devices import is_elsewhere
from edgeseg.pipeline.gates.kept_pairs import KeptPairs
from edgeseg.pipeline.gates.pairing import Pair, pairs_of
from edgeseg.pipeline.gates.stored import WARM_UP, against_record
from edgeseg.pipeline.gates.terms import refuse_unlike, terms_of
from edgeseg.pipeline.images import DEFAULT_DATA, open_evaluation
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.benching import examine_apart
from edgeseg.pipeline.measure.turns import Player
from edgeseg.pipeline.silence import silent
from edgeseg.pipeline.sources import check, given_path, is_file

__all__ = ["gate", "race_files", "self_test"]

_BURST_MS = 4
_FEWEST_CALLS = 1


def gate(
    baseline: Artifact | Path | str,
    candidate: Artifact | Path | str,
    options: GateOptions | None = None,
    *,
    dataset: str = DEFAULT_DATA,
    split: str | None = None,
    images: int | None = None,
    runtime: str | None = None,
    device: str = "cpu",
    threads: int = 1,
    given: Source | None = None,
    progress: Progress = silent,
    kept: KeptPairs | None = None,
) -> GateVerdict:
    """Decide whether candidates are slower, larger or less accurate than baselines by more than what is allowed.

    Args:
        baseline: A file or its Artifact, a folder of files, or a JSON file of Records that `edgeseg bench` wrote.
        candidate: A file or its Artifact; or a folder, whose files are matched by name.
        options: The limits, the confidence, and the time for each pair.
        dataset: Text that names a dataset to measure mIoU on, where its loss is limited.
        split: Split of the dataset; by default the one that it declares first.
        images: How many of its images; by default all.
        runtime: Name of a runtime; by default the one for each file's format.
        device: What the runtime is asked to run on, here.
        threads: Threads that the runtime may use; one is the least disturbed by whatever else the machine does.
        given: What is said of files that edgeseg did not write, such as their normalization; its target is not read.
        progress: Told how far the gate is.
        kept: What is not measured again, and what is found is added to.

    A pair that cannot be compared (no match, another input, a file that does not run) is undecided.

    Raises InputError where there is nothing to compare at all, or where the options contradict themselves.
    """
    options = options or GateOptions()
    if not isinstance(options, GateOptions):
        raise InputError(f"options {options!r}: expected an edgeseg.GateOptions")
    options.validate()
    _refuse_elsewhere(device)
    pairs = pairs_of(given_path(baseline), given_path(candidate))
    data = dataset if options.max_miou_loss_points is not None else None
    if data:
        open_evaluation(data, split, None, images)
    said = given or Source("")
    files = [path for pair in pairs for path in (pair.baseline, pair.candidate) if _is_there(path)]
    check([replace(said, target=str(path)) for path in files])
    if any(isinstance(pair.baseline, Record) for pair in pairs):
        draws_for(options, len(pairs))
    job = Job(said, runtime, device, threads, data, split, images)
    examine = kept.examined if kept else examine_apart
    measured = []
    for number, pair in enumerate(pairs):
        told = partial(_told, progress, pair.name, number, len(pairs))
        measure = partial(_measured, pair, options, job, len(pairs), told, examine)
        measured.append(kept.measured(pair, options, job, len(pairs), measure) if kept else measure())
    return rule(measured, options)


def self_test(
    path: Path | str,
    options: GateOptions | None = None,
    runs: int = 10,
    *,
    runtime: str | None = None,
    device: str = "cpu",
    threads: int = 1,
    given: Source | None = None,
    progress: Progress = silent,
) -> SelfTest:
    """Race a file against itself so many times, each time in fresh processes and to the end of its seconds.

    Raises InputError and WorkError as running it does.
    """
    options = options or GateOptions()
    options.validate()
    _refuse_elsewhere(device)
    if not is_file(str(path)):
        raise InputError(f"{path}: a file is raced against itself; give one .onnx or .tflite file")
    job = Job(replace(given or Source(""), target=str(path)), runtime, device, threads)
    check([job.source])
    races = []
    for number in range(runs):
        told = partial(_told, progress, Path(path).name, number, runs)
        seeded = replace(options, seed=options.seed + number)
        races.append(race_files(job, job, seeded, to_the_end=True, told=told))
    return SelfTest(tuple(races), options)


def _is_there(path: Path | Record | None) -> bool:
    return isinstance(path, Path) and is_file(str(path)) and path.is_file()


def _refuse_elsewhere(device: str) -> None:
    if is_elsewhere(device):
        raise InputError(f"device {device!r}: a gate runs on this machine; run edgeseg gate there")


def _told(progress: Progress, name: str, number: int, count: int, share: float) -> None:
    progress(name, int(100 * (number + share)), 100 * count)


def _measured(
    pair: Pair,
    options: GateOptions,
    job: Job,
    pairs: int,
    told: Callable[[float], None],
    examine: Callable[[Job], Record],
) -> Measured:
    """What is known of a pair, whatever fails."""
    if pair.failure or pair.candidate is None or pair.baseline is None:
        return Measured(pair.name, failure=pair.failure)
    files = [path for path in (pair.baseline, pair.candidate) if isinstance(path, Path)]
    timing = None
    try:
        said = completed([replace(job.source, target=str(path)) for path in files])
        *theirs, ours = (replace(job, source=source) for source in said)
        if isinstance(pair.baseline, Record):
            timing = against_record(pair.baseline, ours, options, pairs, told)
            baseline = partial(_itself, pair.baseline)
        else:
            timing = race_files(theirs[0], ours, options, pairs=pairs, told=told)
            baseline = partial(examine, theirs[0])
        checks, unlike = _checks(baseline, partial(examine, ours), options, ours.source.target)
        return Measured(pair.name, timing, checks, unlike)
    except EdgesegError as error:
        return Measured(pair.name, timing, failure=str(error))


def race_files(
    baseline: Job,
    candidate: Job,
    options: GateOptions,
    *,
    pairs: int = 1,
    to_the_end: bool = False,
    told: Callable[[float], None] = lambda share: None,
) -> Timing:
    """The times of two files that take turns in fresh processes; see `bench.gates.race.race`.

    Raises InputError where they are not to be compared, InputError and WorkError as running them does.
    """
    started = monotonic()
    old_job, new_job = (replace(job, latency=WARM_UP) for job in (baseline, candidate))
    with Player(old_job) as old, Player(new_job) as new:
        refuse_unlike(terms_of(baseline, old.opened()), terms_of(candidate, new.opened()), candidate.source.target)
        calls = max(_FEWEST_CALLS, round(_BURST_MS / max(old.warm("network"), new.warm("network"))))
        with kept_to(pinned_cores(baseline.threads)):  # Beside a neighbour, it would wait for a core after every turn.
            return race(
                lambda anew: old.turn("network", calls, anew=anew),
                lambda anew: new.turn("network", calls, anew=anew),
                options,
                pairs=pairs,
                to_the_end=to_the_end,
                started=started,
                told=told,
            )


def _itself(record: Record) -> Record:
    return record


def _checks(
    baseline: Callable[[], Record], candidate: Callable[[], Record], options: GateOptions, name: str
) -> tuple[tuple[Check, ...], str | None]:
    """The figures that are limited, and why mIoU is not among them; what gives none of them is not run for it."""
    limits = {
        "file size": options.max_size_growth_percent,
        "MAdds": options.max_madds_growth_percent,
        "peak memory": options.max_memory_growth_percent,
        "mIoU": options.max_miou_loss_points,
    }
    if all(limit is None for limit in limits.values()):
        return (), None
    old, new = baseline(), candidate()
    unlike = _other_images(old, new, name) if options.max_miou_loss_points is not None else None
    if unlike:
        del limits["mIoU"]
    checks = tuple(
        Check(what, "points" if what == "mIoU" else "%", _FIGURES[what](old), _FIGURES[what](new), limit)
        for what, limit in limits.items()
        if limit is not None
    )
    return checks, unlike


def _other_images(old: Record, new: Record, name: str) -> str | None:
    """Why mIoU cannot be compared: it was not taken, of other images, or in another way."""
    if old.dataset is None:
        return f"{name}: no mIoU in the baseline; bench that without --no-accuracy, with the same --data and --images"
    if (old.dataset, old.images) != (new.dataset, new.images):
        return (
            f"{name}: mIoU on {new.dataset} ({new.images} images), but on {old.dataset} ({old.images}) in the "
            "baseline; give the same --data and --images"
        )
    if old.evaluation != new.evaluation:
        return (
            f"{name}: mIoU {new.evaluation}, but {old.evaluation} in the baseline; bench the baseline without "
            "--scales, --flip and --at"
        )
    if not same_labels(old.image_counts, new.image_counts):
        return f"{name}: mIoU on other labels than in the baseline; give the same --data and --split"
    if other_pixels(old, new):
        return f"{name}: mIoU on other images than in the baseline, with the same labels; give the same --data"
    return None


_FIGURES: dict[str, Callable[[Record], float | None]] = {
    "file size": lambda record: record.size_bytes,
    "MAdds": lambda record: record.madds,
    "peak memory": lambda record: record.peak_rss_mib,
    "mIoU": lambda record: record.miou_percent,
}
