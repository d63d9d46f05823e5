"""`edgeseg quantize`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeseg.cli import options
from edgeseg.cli.console import progress_bar, say, waiting
from edgeseg.cli.facts import SourceOf, takes_files
from edgeseg.cli.interrupt import EndByCtrlC
from edgeseg.core.errors import InputError
from edgeseg.core.types import Artifact

__all__ = ["add_to", "quantized_line"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("quantize")(quantize)


@takes_files
def quantize(
    source: SourceOf,
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help=f"{options.MODEL_HELP} Default: the workspace.")
    ] = None,
    int8: Annotated[bool, typer.Option("--int8", help="Static int8 weights and activations.")] = False,
    data: options.Data = "scenes",
    split: options.Split = None,
    samples: options.Samples = 64,
    method: options.Method = options.RangeMethod.PERCENTILE,
    percentile: options.Percentile = 99.99,
    per_tensor: options.PerTensor = False,
    without: options.Without = None,
    target: options.TargetOption = options.Target.AUTO,
    input: options.Input = options.InputKind.AUTO,
    output: options.Output = options.OutputKind.AUTO,
    calibration: options.Calibration = None,
    out: options.Out = Path("edgeseg-out"),
) -> None:
    """Quantize float files to int8 with activation ranges from calibration images.

    Ctrl-C during calibration goes on with the images seen so far; a second one stops.
    """
    from edgeseg import pipeline
    from edgeseg.core.protocols import Keep, Recipe
    from edgeseg.pipeline import workspace
    from edgeseg.pipeline.fitting import formats_of

    if not int8:
        raise InputError("quantize: say to which precision; there is --int8")
    recipe = Recipe(
        method=method.value,
        percentile=percentile,
        per_channel=not per_tensor,
        without=options.left_out(without),
        target=target.value,
        input=input.value,
        output=output.value,
    )
    keep = Keep(calibration, add=not calibration.exists()) if calibration else None
    sources = [source(model) for model in models or []]
    formats = formats_of(recipe.target, sources)
    with waiting("look for float files"):
        found = (
            pipeline.float_artifacts(sources, out, data, split, formats)
            if sources
            else workspace.artifacts(out, "fp32")
        )
    for artifact in found:
        if artifact.facts.format not in formats:
            say(f"{artifact.path}: left out, target {recipe.target} is for .{formats[0]} files")
    found = [artifact for artifact in found if artifact.facts.format in formats]
    for artifact in workspace.need(found, out, "edgeseg export"):
        with progress_bar(f"quantize {artifact.path.name}") as show, EndByCtrlC(show) as end:
            quantized, report = pipeline.quantize_with_report(
                *(artifact, data, recipe),
                count=samples,
                split=split,
                progress=end.progress,
                folder=out,
                keep=keep,
                enough=end.enough,
            )
        say(quantized_line(quantized, report.summary()))


def quantized_line(artifact: Artifact, summary: str) -> str:
    """What there is to say of a file just quantized."""
    facts = artifact.facts
    return f"{artifact.path}  {artifact.size_bytes / 2**20:.2f} MiB, {summary}\n  for {facts.target}; {facts.recipe}"
