"""`edgeseg run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeseg.bench.compare import Failure
from edgeseg.cli import options
from edgeseg.cli.console import progress_bar, say, waiting
from edgeseg.cli.export import exported_line
from edgeseg.cli.show import show_comparison
from edgeseg.core.errors import EdgesegError
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    models: Annotated[list[str] | None, typer.Argument(metavar="[MODEL]...", help=options.MODEL_HELP)] = None,
    to: Annotated[list[options.Format] | None, typer.Option("--to", help="Format; repeat it for several.")] = None,
    size: options.Size = None,
    head: options.HeadOption = None,
    weights: options.Weights = None,
    classes: options.Classes = None,
    mean: options.Mean = None,
    std: options.Std = None,
    data: options.Data = "scenes",
    split: options.Split = None,
    samples: options.Samples = 64,
    method: options.Method = options.RangeMethod.PERCENTILE,
    percentile: options.Percentile = 99.99,
    images: options.Images = None,
    device: options.Device = "cpu",
    threads: options.Threads = 2,
    table: options.Tables = None,
    sort: options.SortOption = options.Sort.MODEL,
    per_class: options.PerClass = False,
    picture: options.Picture = True,
    out: options.Out = Path("edgeseg-out"),
) -> None:
    """Export, quantize and measure models (default: fastscnn) in both formats; write the comparison table."""
    from edgeseg import pipeline
    from edgeseg.core.protocols import Recipe
    from edgeseg.pipeline.job import Job
    from edgeseg.pipeline.sources import as_artifact, as_model, is_file

    recipe = Recipe(method=method.value, percentile=percentile)
    finished: list[Source] = []
    failed: list[tuple[Failure, EdgesegError]] = []

    def exported(source: Source, target: options.Format) -> Artifact:
        if is_file(source.target):
            return as_artifact(source)
        with waiting(f"export {source.target} to {target.value}"):
            artifact = pipeline.export(
                as_model(source), target.value, head=head.value if head else None, data=data, split=split, folder=out
            )
        say(exported_line(artifact))
        return artifact

    for model in models or ["fastscnn"]:
        source = options.source(model, classes=classes, weights=weights, size=size, mean=mean, std=std)
        for target in to or list(options.Format):
            if is_file(model) and Path(model).suffix != f".{target.value}":
                continue
            try:
                artifact = exported(source, target)
                finished.append(Source(str(artifact.path)))
                with progress_bar(f"quantize {artifact.path.name}") as show:
                    quantized, report = pipeline.quantize_with_report(
                        artifact, data, recipe, folder=out, count=samples, split=None, progress=show
                    )
                say(f"{quantized.path}  {quantized.size_bytes / 2**20:.2f} MiB, {report.summary()}")
                finished.append(Source(str(quantized.path)))
            except EdgesegError as error:
                failed.append((Failure(f"{model} ({target.value})", str(error)), error))
    job = Job(Source(""), None, device, threads, data, split, images)
    show_comparison(job, finished, out, table, sort, per_class, picture, failed)
