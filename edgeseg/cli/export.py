"""`edgeseg export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeseg.cli import options
from edgeseg.cli.console import say, waiting
from edgeseg.cli.facts import SourceOf, takes_networks
from edgeseg.core.types import Artifact

__all__ = ["add_to", "exported_lines"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export")(export)


@takes_networks
def export(
    source: SourceOf,
    model: Annotated[str, typer.Argument(help=options.NETWORK_HELP)] = "fastscnn",
    to: Annotated[list[options.Format] | None, typer.Option("--to", help="Format; repeat it for several.")] = None,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Images a batch.")] = 1,
    head: options.HeadOption = None,
    data: options.Data = "scenes",
    split: options.Split = None,
    out: options.Out = Path("edgeseg-out"),
) -> None:
    """Write a network as float ONNX and TFLite files, each checked on images to be the same function."""
    from edgeseg import pipeline
    from edgeseg.pipeline.sources import as_model

    with waiting(f"build {model}"):
        network = as_model(source(model))
    for target in to or list(options.Format):
        with waiting(f"export {network.name} to {target.value}"):
            artifact = pipeline.export(
                network,
                target.value,
                head=head.value if head else None,
                batch=batch,
                data=data,
                split=split,
                folder=out,
            )
        say(*exported_lines(artifact))


def exported_lines(artifact: Artifact) -> tuple[str, ...]:
    """What there is to say of a file just exported."""
    facts, parity = artifact.facts, artifact.facts.parity
    assert parity is not None
    notes = facts.notes
    if parity.other_maxima:
        ties = f"ties within {parity.tie_error:.1e} of the spread"
        notes += (f"{parity.other_maxima} maxima taken from another pixel than in the source, all {ties}",)
    first = (
        f"{artifact.path}  {artifact.size_bytes / 2**20:.2f} MiB, head {facts.output.head}, "
        f"parity {parity.max_error:.1e}, {parity.agreement_percent:.2f} % equal classes on {parity.images} images"
    )
    return first, *(f"  note: {note}" for note in notes)
