"""`edgeseg bench`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from edgeseg.cli import given, options
from edgeseg.cli.console import progress_bar
from edgeseg.cli.facts import SourceOf, takes_files
from edgeseg.cli.idle import check_bench
from edgeseg.cli.show import show_comparison, show_profiles

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("bench")(bench)


@takes_files
def bench(
    context: typer.Context,
    source: SourceOf,
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help=f"{options.MODEL_HELP} Default: the workspace.")
    ] = None,
    device: options.Device = "cpu",
    runtime: options.Runtime = None,
    threads: options.Threads = 2,
    effort: options.EffortOption = options.Effort.DEFAULT,
    data: options.Data = "scenes",
    split: options.Split = None,
    images: options.Images = None,
    accuracy: options.Accuracy = True,
    scales: options.Scales = "1",
    flip: options.Flip = False,
    at: options.AtOption = options.At.INPUT,
    table: options.Tables = None,
    sort: options.SortOption = options.Sort.MODEL,
    per_class: options.PerClass = False,
    picture: options.Picture = True,
    profile: Annotated[
        bool, typer.Option("--profile", help="Instead: time by operator, from the runtime's own profiler.")
    ] = False,
    resume: options.Resume = False,
    out: options.Out = Path("edgeseg-out"),
) -> None:
    """Measure latency, size, memory, MAdds and mIoU, each file in fresh processes; write a comparison table.

    With --profile: print and write the operators of each file as the runtime runs them, the dearest first.
    """
    from edgeseg.bench.times.latency import EFFORTS
    from edgeseg.core.files import need_writable
    from edgeseg.pipeline import workspace
    from edgeseg.pipeline.answers import Answers
    from edgeseg.pipeline.completing import completed
    from edgeseg.pipeline.job import Job
    from edgeseg.pipeline.measure import comparing
    from edgeseg.pipeline.measure.kept_records import KeptRecords
    from edgeseg.pipeline.sources import check

    check_bench(context)
    targets = models or [str(a.path) for a in workspace.need(workspace.artifacts(out), out, "edgeseg export")]
    sources = completed([source(target) for target in targets])
    evaluation = given.evaluation(scales, flip, at)
    spent = EFFORTS[effort.value]
    job = Job(sources[0], runtime, device, threads, data if accuracy else None, split, images, spent, evaluation)
    if profile:
        show_profiles(job, sources, out, table)
        return
    check(sources)
    need_writable(out / "records.json", "--out")
    kept = KeptRecords(Answers(out / "unfinished_bench.json"))
    jobs = [replace(job, source=source) for source in sources]
    if not resume:
        kept.forget(jobs)
    comparison = comparing.measure_all(job, sources, progress_bar, kept)
    show_comparison(comparison, job, out, table, sort, per_class, picture)
    kept.forget(jobs)
