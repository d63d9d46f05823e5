"""`edgeseg run`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from edgeseg.cli import given, options
from edgeseg.cli.console import progress_bar, say, warn
from edgeseg.cli.export import exported_lines
from edgeseg.cli.facts import SourceOf, takes_files
from edgeseg.cli.idle import check_head, check_passes, check_run
from edgeseg.cli.show import show_comparison
from edgeseg.cli.verdict import quantized_lines, warn_calibration
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact

if TYPE_CHECKING:
    from edgeseg.core.types import Format

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


@takes_files
def run(
    context: typer.Context,
    source: SourceOf,
    models: Annotated[list[str] | None, typer.Argument(metavar="[MODEL]...", help=options.MODEL_HELP)] = None,
    every: Annotated[bool, typer.Option("--all", help="All networks of the zoo.")] = False,
    to: Annotated[list[options.Format] | None, typer.Option("--to", help="Format; repeat it for several.")] = None,
    head: options.HeadOption = None,
    data: options.Data = "scenes",
    split: Annotated[
        str | None, typer.Option("--split", help="Split that accuracy is measured on; by default the dataset's choice.")
    ] = None,
    samples: options.Samples = 64,
    method: options.Method = options.RangeMethod.MSE,
    percentile: options.Percentile = None,
    per_tensor: options.PerTensor = False,
    learned_rounding: options.LearnedRounding = False,
    without: options.Without = None,
    target: options.TargetOption = options.Target.AUTO,
    input: options.Input = options.InputKind.AUTO,
    output: options.Output = options.OutputKind.AUTO,
    images: options.Images = None,
    accuracy: options.Accuracy = True,
    device: options.Device = "cpu",
    threads: options.Threads = 2,
    effort: options.EffortOption = options.Effort.DEFAULT,
    table: options.Tables = None,
    sort: options.SortOption = options.Sort.MODEL,
    per_class: options.PerClass = False,
    picture: options.Picture = True,
    out: options.Out = Path("edgeseg-out"),
) -> None:
    """Export, quantize and measure models (default: fastscnn) in both formats; write the comparison table.

    The same command goes on with an interrupted run.
    """
    from edgeseg.bench.times.latency import EFFORTS
    from edgeseg.core.files import need_writable
    from edgeseg.models import names
    from edgeseg.pipeline.fitting import formats_of
    from edgeseg.pipeline.images import calibration_note, evaluation_note
    from edgeseg.pipeline.job import Job
    from edgeseg.pipeline.runs.making import Order
    from edgeseg.pipeline.runs.matrix import Matrix, run_matrix

    check_run(context)
    recipe = given.recipe(context)
    sources = [source(model) for model in (names() if every else models or ["fastscnn"])]
    check_head(context, sources)
    formats = formats_of(recipe.target, sources, cast("list[Format]", [format.value for format in to or []]))
    first = Source("")
    job = Job(first, None, device, threads, data if accuracy else None, split, images, EFFORTS[effort.value])
    order = Order(first, formats[0], head.value if head else None, recipe, data, split, samples, str(out))
    matrix = Matrix(tuple(sources), formats, order, job)
    check_passes(recipe.without, {order.format for order, _ in matrix.pairs()} or formats)
    need_writable(out / "records.json", "--out")
    if note := calibration_note(data, None) or (evaluation_note(data) if accuracy and not split else None):
        warn(f"edgeseg: {note}")
    comparison = run_matrix(matrix, progress_bar, partial(_tell, by_default=not given.is_given(context, "--data")))
    show_comparison(comparison, job, out, table, sort, per_class, picture)


def _tell(artifact: Artifact, summary: str, by_default: bool) -> None:
    say(*(quantized_lines(artifact, summary) if summary else exported_lines(artifact)))
    if summary and by_default:
        warn_calibration(artifact)
